using Riffle.Evaluation;
using Riffle.Formats;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Tests.Cli;
using Riffle.Tests.Networks;
using Riffle.Training;

namespace Riffle.Tests.Training;

/// <summary>A network of one's own is used like those of the catalogue: its checkpoint holds its description.</summary>
public sealed class OwnNetworkTests : IDisposable
{
    private const int Size = 24, Epochs = 12;

    private readonly TinyDataset _data = new(train: 60, validation: 30);

    private static NetworkSpec Spec { get; } = NetworkSpec.Of(OwnNetwork.Create(Size, classes: 3));

    public void Dispose() => _data.Dispose();

    [Fact]
    public void It_trains_is_saved_loaded_and_evaluated()
    {
        var run = Train("run", Epochs);
        var checkpoint = Checkpoint.Load(run);
        Assert.Equal(Spec, checkpoint.Spec);
        Assert.InRange(checkpoint.Training!.History[^1].Train.Loss, 0.1, 0.85 * checkpoint.Training.History[0].Train.Loss);

        var metrics = Evaluator.Evaluate(Model.Open(run), _data.Open(), threads: 1);
        Assert.Equal(checkpoint.Training.Best!.Validation.Top1, metrics.Top1, 1e-9);
        using var classifier = Classifier.Load(run);
        Assert.Equal(3, classifier.Classify(TinyDataset.Jpeg(0), "image").Count);
    }

    [Fact]
    public void It_is_resumed_to_the_same_bits()
    {
        var whole = Train("whole", epochs: 2);
        var run = _data.Run("stopped");
        using (var cancel = new CancellationTokenSource())
        using (var trainer = Trainer.Start(_data.Open(), Spec, Recipe(2), run, new() { Threads = 1 }))
        {
            cancel.Cancel();
            Assert.False(trainer.Run(cancel: cancel.Token).Completed);
        }

        using (var trainer = Trainer.Resume(run, ImageCodec.Default, threads: 2))
        {
            Assert.Equal(Spec, trainer.Network);
            Assert.True(trainer.Run().Completed);
        }

        Assert.All(TinyDataset.ResultFiles, file => Assert.Equal(File.ReadAllBytes(Path.Combine(whole, file)), File.ReadAllBytes(Path.Combine(run, file))));
    }

    /// <summary>Whose classifier is another, and whose images are larger.</summary>
    [Fact]
    public void It_is_fine_tuned_for_other_classes()
    {
        var from = FineTuning.Load(Train("run", epochs: 1));
        using var two = new TinyDataset(train: 20, validation: 10, classes: 2);
        var network = from.Network(classes: 2, imageSize: 32);
        using (var trainer = Trainer.Start(two.Open(), network, Recipe(1), two.Run("tuned"), new() { Threads = 1, From = from }))
            Assert.True(trainer.Run().Completed);
        var tuned = Checkpoint.Load(two.Run("tuned"));
        Assert.Equal(NetworkSpec.Of(OwnNetwork.Create(32, classes: 2)), tuned.Spec);
        Assert.Equal(2, tuned.Weights["classes.bias"].Length);
    }

    [Fact]
    public void It_is_exported()
    {
        var checkpoint = Checkpoint.Load(Train("run", epochs: 1));
        OnnxFile.Write(checkpoint, _data.Run("own.onnx"));
        var exported = Model.Open(_data.Run("own.onnx"));
        Assert.Equal((OwnNetwork.Name, checkpoint.Classes.Count), (exported.Name, exported.Classes.Count));
        using Classifier one = new(checkpoint), other = new(exported);
        var image = TinyDataset.Jpeg(1);
        var pairs = one.Classify(image, "image").Zip(other.Classify(image, "image"));
        Assert.All(pairs, pair => Assert.Equal(pair.First.Probability, pair.Second.Probability, 1e-5));
    }

    [Fact]
    public void Commands_take_its_description_and_its_run()
    {
        var (file, run) = (_data.Run("own.json"), _data.Run("run"));
        NetworkFile.Write(OwnNetwork.Create(Size, classes: 10), file);
        string Output(params string[] args)
        {
            var result = Shell.Riffle(args);
            Assert.True(result.ExitCode == 0, result.Error);
            return result.Output;
        }

        Assert.Contains("striped: images of 24×24, 10 classes", Output("summary", file, "--no-measure"));
        Output("summary", file, "--description", _data.Run("copy.json"));
        Assert.Equal(File.ReadAllText(file), File.ReadAllText(_data.Run("copy.json")));
        Assert.Equal(2, Shell.Riffle("summary", file, "--description", _data.Run("copy")).ExitCode);
        Assert.Contains("striped", Output("benchmark", file, "--size", "32", "--batch", "2", "--train-batch", "16", "--seconds", "0.01"));
        Output("train", "--data", _data.DataFolder, "--model", file, "--out", run, "--epochs", "1");
        Assert.Contains("striped: images of 24×24, 3 classes", Output("summary", run, "--no-measure"));
        Assert.Contains("top-1", Output("evaluate", run, "--data", _data.DataFolder));
        File.WriteAllBytes(_data.Run("image.jpg"), TinyDataset.Jpeg(0));
        Assert.Contains("stripes", Output("predict", run, _data.Run("image.jpg")));
        Assert.Equal(2, Shell.Riffle("summary", file, "--preset", "tiny").ExitCode);
        Assert.Equal(1, Shell.Riffle("summary", _data.Run("missing.json")).ExitCode);
    }

    /// <summary>Which is said before anything is made for it, and how it can be used all the same.</summary>
    [Fact]
    public void What_can_t_be_trained_is_refused_at_once_by_the_layer_s_name()
    {
        var builder = new NetworkBuilder();
        var x = builder.Convolution("stem", builder.Input(Size, Size), 4, kernel: 3);
        x = builder.Convolution("dense", x, 4, kernel: 3);
        builder.FullyConnected("fc", builder.GlobalAveragePool(x), 3);
        var network = builder.Build("dense");
        var refused = Assert.Throws<RiffleException>(() => Trainer.Start(_data.Open(), NetworkSpec.Of(network), Recipe(1), _data.Run("run")));
        Assert.StartsWith("dense: dense: ", refused.Message);
        Assert.False(Directory.Exists(_data.Run("run")));

        var weights = new Weights(network);
        Initialisation.Fill(weights, InitialisationKind.He, 1);
        var path = _data.Run("dense.safetensors");
        new Checkpoint(NetworkSpec.Of(network), weights, _data.Open().Info.Classes, Normalisation.ImageNet).Save(path);
        using var classifier = Classifier.Load(path);
        Assert.Equal("dense", classifier.Model.Name);
        NetworkFile.Write(network, _data.Run("dense.json"));
        var trained = Shell.Riffle("benchmark", _data.Run("dense.json"), "--batch", "1", "--seconds", "0.01");
        Assert.Equal((1, false), (trained.ExitCode, trained.Error.Contains("bug", StringComparison.Ordinal)));
    }

    /// <summary>A checkpoint of a network that is in no catalogue can be read by no Riffle that knows only these; the others stay as they are.</summary>
    [Fact]
    public void Only_checkpoints_with_a_description_have_the_new_version()
    {
        string Version(string run) => SafeTensors.Read(RunFolder.FindCheckpoint(run)).Metadata["riffle"][..12];
        using (var trainer = Trainer.Start(_data.Open(), _data.Spec(), Recipe(1), _data.Run("named"), new() { Threads = 1 }))
            trainer.Run();
        Assert.Equal("{\"version\":1", Version(_data.Run("named")));
        Assert.Equal("{\"version\":2", Version(Train("own", epochs: 1)));
    }

    private static Recipe Recipe(int epochs) => TinyDataset.Recipe(OptimiserKind.Adam, epochs) with { Batch = 20 };

    private string Train(string name, int epochs)
    {
        using var trainer = Trainer.Start(_data.Open(), Spec, Recipe(epochs), _data.Run(name), new() { Threads = 1 });
        Assert.True(trainer.Run().Completed);
        return _data.Run(name);
    }
}
