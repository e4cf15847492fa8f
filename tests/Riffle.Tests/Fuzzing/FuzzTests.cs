using System.Globalization;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Fuzzing;

/// <summary>Whatever a file holds, reading it succeeds or says what is wrong with which file; it neither hangs nor takes memory at the file's word. What is
/// counted is the process's memory.</summary>
/// <remarks><c>RIFFLE_FUZZ=SEED</c> draws other damages, <c>RIFFLE_FUZZ=SEED:CASE</c> runs one case alone.</remarks>
[Collection(nameof(Alone))]
public sealed class FuzzTests(ITestOutputHelper output)
{
    private const int Few = 150, Many = 2500;

    private static readonly string[] Chosen = (Environment.GetEnvironmentVariable("RIFFLE_FUZZ") ?? "1").Split(':');

    public static TheoryData<string> Targets => [.. FuzzTargets.Names];

    [Theory]
    [MemberData(nameof(Targets))]
    public void A_damaged_file_is_read_or_refused(string target) => Run(target, Few);

    [Theory]
    [Trait("Category", "fuzz")]
    [MemberData(nameof(Targets))]
    public void Thousands_of_damaged_files_are_read_or_refused(string target) => Run(target, Many);

    [Theory]
    [MemberData(nameof(Targets))]
    public void A_whole_file_is_read(string name)
    {
        using var folder = new TemporaryFolder();
        var target = FuzzTargets.Make(name);
        if (name != "dataset.json") // tells of a shard that is not there
            Assert.All(target.Samples, sample => target.Read(folder.PathOf(name), sample));
    }

    [Fact]
    public void The_same_seed_and_case_give_the_same_file()
    {
        var (one, other) = (FuzzTargets.Make("jpeg"), FuzzTargets.Make("jpeg"));
        Assert.All(Enumerable.Range(0, 50), number => Assert.Equal(one.Bytes(3, number), other.Bytes(3, number)));
    }

    private void Run(string name, int count)
    {
        var seed = ulong.Parse(Chosen[0], CultureInfo.InvariantCulture);
        var first = 0;
        if (Chosen.Length > 1)
            (first, count) = (int.Parse(Chosen[1], CultureInfo.InvariantCulture), 1);
        using var folder = new TemporaryFolder();
        var (failure, refused) = FuzzTargets.Make(name).Run(folder.Path, seed, first, count);
        output.WriteLine($"{name}: seed {seed}, {count} cases from {first}, {refused} refused");
        Assert.True(failure is null, failure);
    }
}
