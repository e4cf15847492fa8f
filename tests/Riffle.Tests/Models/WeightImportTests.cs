using System.Text.Json;
using Riffle.Formats;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Tests.Formats;
using Riffle.Training;

namespace Riffle.Tests.Models;

public sealed class WeightImportTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static NetworkSpec Spec { get; } = NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.25", imageSize: 24, classes: 4, units: [1, 1, 1]);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("pth")]
    [InlineData("safetensors")]
    public void What_is_imported_is_a_run_whose_number_of_classes_is_the_file_s(string kind)
    {
        var weights = Random(Spec);
        var path = kind == "pth" ? Torch(weights) : Safe(weights);
        var mean = new Normalisation(new(0.5f, 0.5f, 0.5f), new(0.25f, 0.25f, 0.25f));
        var imported = WeightImport.Read(path, Spec with { Classes = 200 }, classes: null, mean);
        WeightImport.Save(imported, _folder.PathOf("run"));
        var loaded = Checkpoint.Load(_folder.PathOf("run"));
        Assert.Equal((Spec, mean, null), (loaded.Spec, loaded.Normalisation, loaded.Training));
        Assert.Equal(["0", "1", "2", "3"], loaded.Classes.Select(c => c.Name));
        Assert.Equal(weights.Trained.ToArray(), loaded.Weights.Trained.ToArray());
        Assert.Equal(weights.Running.ToArray(), loaded.Weights.Running.ToArray());
        Assert.Contains("not empty", Assert.Throws<RiffleException>(() => WeightImport.Save(imported, _folder.PathOf("run"))).Message);
    }

    [Fact]
    public void What_does_not_fit_is_counted_and_its_first_are_named()
    {
        var path = Safe(Random(Spec), tensors => tensors
            .Where(t => t.Name is not ("conv1.1.running_mean" or "conv1.1.running_var" or "fc.bias"))
            .Select(t => t.Name == "conv1.0.weight" ? t with { Shape = [t.Values.Length] } : t)
            .Append(("extra.weight", [1], new float[1])).Append(("conv1.1.num_batches_tracked", [], new float[1])));
        var message = Assert.Throws<BadDataException>(() => WeightImport.Read(path, Spec, null, Normalisation.ImageNet)).Message;
        Assert.StartsWith(path, message);
        Assert.Contains("missing: conv1.1.{running_mean,running_var}, fc.bias\n", message);
        Assert.Contains("unexpected: extra.weight\n", message);
        Assert.Contains("conv1.0.weight (162, not 6×3×3×3)\n", message);
        Assert.DoesNotContain("num_batches", message);
    }

    [Fact]
    public void Weights_that_are_no_numbers_are_refused()
    {
        var weights = Random(Spec);
        weights["fc.bias"][2] = float.NaN;
        Assert.Contains("'fc.bias'", Assert.Throws<BadDataException>(() => WeightImport.Read(Safe(weights), Spec, null, Normalisation.ImageNet)).Message);
    }

    [Fact]
    public void Classes_come_from_a_file_of_lines()
    {
        var classes = ClassNames.Read(_folder.Add("classes", [.. "n01\tgoldfish, carp\ncrane\n  ray \r\ncrane\n"u8]));
        Assert.Equal([new("n01", "goldfish, carp"), new("crane", "crane"), new("ray", "ray"), new("crane (3)", "crane (3)")], classes);
        Assert.Equal(classes, WeightImport.Read(Safe(Random(Spec)), Spec, classes, Normalisation.ImageNet).Classes);
        var fewer = Assert.Throws<RiffleException>(() => WeightImport.Read(Safe(Random(Spec)), Spec, [.. classes.Take(3)], Normalisation.ImageNet));
        Error.Names(fewer.Message, "4 classes", "3");
        Assert.Contains("line 2", Assert.Throws<BadDataException>(() => ClassNames.Read(_folder.Add("gap", [.. "a\n\nb\n"u8]))).Message);
    }

    /// <summary>torchvision's own weights, against what ONNX Runtime makes of the photos after Pillow's resize.</summary>
    [ExternalTheory]
    [InlineData("pth")]
    [InlineData("safetensors")]
    public void Public_weights_give_the_public_predictions(string kind)
    {
        var spec = NetworkCatalogue.Resolve("shufflenet-v2-x0.5", Preset.ImageNet);
        var classes = ClassNames.Read(ExternalData.PathOf("imagenet_class_names.txt"));
        using var classifier = new Classifier(
            WeightImport.Read(ExternalData.PathOf($"shufflenet_v2_x0_5.fp32.{kind}"), spec, classes, Normalisation.ImageNet));
        using var reference = JsonDocument.Parse(File.ReadAllBytes(ExternalData.PathOf("photos/reference.json")));
        foreach (var image in reference.RootElement.GetProperty("images").EnumerateArray())
        {
            var probabilities = image.GetProperty("prob").EnumerateArray().Select(value => value.GetDouble());
            var predictions = classifier.Classify(ExternalData.PathOf("photos/" + image.GetProperty("file").GetString()));
            Assert.Equal(image.GetProperty("top5").EnumerateArray().Select(index => index.GetInt32()), predictions.Select(p => p.Index));
            Assert.All(predictions.Zip(probabilities), pair => Assert.Equal(pair.Second, pair.First.Probability, tolerance: 0.005));
        }
    }

    private static Weights Random(NetworkSpec spec)
    {
        var weights = new Weights(NetworkCatalogue.Build(spec));
        Initialisation.Fill(weights, InitialisationKind.He, 5);
        weights.Running.Fill(0.5f);
        return weights;
    }

    private static IEnumerable<(string Name, int[] Shape, ReadOnlyMemory<float> Values)> Tensors(Weights weights) =>
        weights.Network.Parameters.Select(p => (p.Name, p.Shape.ToArray(), (ReadOnlyMemory<float>)weights[p.Name].ToArray()));

    private string Safe(
        Weights weights,
        Func<IEnumerable<(string Name, int[] Shape, ReadOnlyMemory<float> Values)>, IEnumerable<(string, int[], ReadOnlyMemory<float>)>>? change = null)
    {
        var path = _folder.PathOf("weights.safetensors");
        using var stream = File.Create(path);
        SafeTensors.Write(stream, change is null ? Tensors(weights) : change(Tensors(weights)), new Dictionary<string, string>());
        return path;
    }

    /// <summary>As parallel training in PyTorch saves it.</summary>
    private string Torch(Weights weights) =>
        _folder.Add("weights.pth", TorchArchive.StateDict(Tensors(weights).Select(t => t with { Name = "module." + t.Name })));
}
