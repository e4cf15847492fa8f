using Riffle.Tests.Formats;

namespace Riffle.Tests.Fuzzing;

/// <summary>No file takes memory or time out of proportion to its size, as little as it holds and as much as it asks for.</summary>
[Collection(nameof(Alone))]
public class AmplificationTests
{
    public static TheoryData<string, string> Inputs
    {
        get
        {
            var inputs = new TheoryData<string, string>();
            foreach (var (target, name, _) in Amplifiers.All)
                inputs.Add(target, name);
            return inputs;
        }
    }

    [Theory]
    [MemberData(nameof(Inputs))]
    public void A_file_that_asks_for_much_takes_little(string target, string input)
    {
        using var folder = new TemporaryFolder();
        var bytes = Amplifiers.All.Single(made => made.Target == target && made.Name == input).Make();
        Assert.Null(FuzzTargets.Make(target).Run(folder.Path, bytes));
    }
}
