using Riffle.Evaluation;
using Riffle.Learning;
using Riffle.Models;
using Riffle.Tests.Training;
using Riffle.Training;

namespace Riffle.Tests.Learning;

public sealed class RunResultsTests : IDisposable
{
    private readonly TinyDataset _data = new();

    public RunResultsTests()
    {
        using var trainer = Trainer.Start(_data.Open(), _data.Spec(), TinyDataset.Recipe(epochs: 1), Run, new() { Threads = 1 });
        trainer.Run();
    }

    private string Run => _data.Run("run");

    private string File => Path.Combine(Run, "results.json");

    public void Dispose() => _data.Dispose();

    [Fact]
    public void Results_are_read_as_they_were_kept()
    {
        var model = Checkpoint.Load(Run);
        Assert.Null(RunResults.Of(Run, model).TestConfusions);
        Assert.True(RunResults.KeepTest(Run, model, _data.Open(), Confusions()));
        RunResults.Keep(Run, new(37, 40));
        var found = RunResults.Of(Run, model);
        Assert.Equal(new(37, 40), found.CrossValidated);
        Assert.Equal(Confusions().Counts, found.TestConfusions!.Counts);
        Assert.Equal((2, 3), found.TestConfusions.Total);
        Assert.Equal(1, found.TestConfusions[2, 1]);
    }

    [Fact]
    public void Results_of_other_weights_are_left_out()
    {
        RunResults.Keep(Run, new(37, 40));
        var last = Checkpoint.Load(Path.Combine(Run, "checkpoints", "last.safetensors"));
        last.Weights.Trained[0]++;
        Assert.Null(RunResults.Of(Run, last).CrossValidated);
    }

    [Fact]
    public void Nothing_is_kept_for_a_file_or_another_data_set()
    {
        var model = Checkpoint.Load(Run);
        using var other = new TinyDataset(seed: 2);
        Assert.False(RunResults.KeepTest(Run, model, other.Open(), Confusions()));
        Assert.False(RunResults.KeepTest(Path.Combine(Run, "checkpoints", "best.safetensors"), model, _data.Open(), Confusions()));
        Assert.False(System.IO.File.Exists(File));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("""{"weights":"WEIGHTS","test":[1,2]}""")]
    [InlineData("""{"weights":"WEIGHTS","test":[0,0,0,0,0,0,0,0,0]}""")]
    [InlineData("""{"weights":"WEIGHTS","test":[1,1,1,1,-1,1,1,1,1]}""")]
    [InlineData("""{"weights":"WEIGHTS","cross_validated":{"right":3,"images":2}}""")]
    [InlineData("""{"weights":"WEIGHTS","cross_validated":{"right":0,"images":0}}""")]
    public void A_damaged_file_is_named(string text)
    {
        var model = Checkpoint.Load(Run);
        System.IO.File.WriteAllText(File, text.Replace("WEIGHTS", model.Fingerprint(), StringComparison.Ordinal));
        Error.Names(Assert.Throws<BadDataException>(() => RunResults.Of(Run, model)).Message, File);
    }

    private static ConfusionMatrix Confusions()
    {
        var matrix = new ConfusionMatrix(3);
        matrix.Add(0, 0);
        matrix.Add(1, 1);
        matrix.Add(2, 1);
        return matrix;
    }
}
