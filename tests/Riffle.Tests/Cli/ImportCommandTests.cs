using Riffle.Execution;
using Riffle.Formats;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Cli;

public sealed class ImportCommandTests : IDisposable
{
    private const string Model = "shufflenet-v1-g1-x0.25";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_checkpoint_with_an_average_is_imported_and_the_choice_is_told_on_standard_error()
    {
        var path = _folder.Add("checkpoint.pth.tar", TorchArchive.Checkpoint(("model", Weights(1, "module.")), ("model_ema", Weights(2, "module."))));
        var result = Import(path, "plain");
        Assert.Equal((0, 1f), (result.ExitCode, Imported("plain")));
        Assert.Contains("model_ema", Assert.Single(result.Error.TrimEnd().Split('\n')));
        Assert.DoesNotContain("model_ema", result.Output);

        Assert.Equal(0, Import(path, "average", options: ["--key", "model_ema"]).ExitCode);
        Assert.Equal(2, Imported("average"));
        Assert.Equal(2, Import(path, "none", options: ["--key", "no_such"]).ExitCode);
        Assert.False(Directory.Exists(_folder.PathOf("none")));
    }

    /// <summary>torchvision's own state dicts and logits: Fixtures/make_torchvision_weights.py.</summary>
    [Theory]
    [InlineData("mobilenet-v2-x0.1")]
    [InlineData("mobilenet-v3-large-x0.1")]
    [InlineData("mobilenet-v3-small-x0.1")]
    public void State_dicts_of_torchvision_s_MobileNets_give_torchvision_s_logits(string model)
    {
        var result = Import(Fixture($"torchvision.{model}.pth"), "run", model, "--preset", "imagenet", "--size", "45");
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Contains("7 classes", result.Output);
        var reference = SafeTensors.Read(Fixture("torchvision.logits.safetensors"));
        var (images, expected) = (reference.Get("images"), reference.Get(model));
        using var plan = new InferencePlan(Checkpoint.Load(_folder.PathOf("run")).Weights, 3, 1);
        var logits = new float[expected.Length];
        plan.Run(images, 3, logits);
        var scale = expected.Max(MathF.Abs);
        Assert.All(expected.Zip(logits), pair => Assert.Equal(pair.First, pair.Second, 1e-4f * scale));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false, "--preset", "tiny")]
    [InlineData(false, "--preset", "imagenet")]
    public void What_the_weights_do_not_say_of_the_network_is_told_unless_it_was_asked_for(bool isTold, params string[] options)
    {
        var result = Import(Fixture("torchvision.mobilenet-v3-small-x0.1.pth"), "run", "mobilenet-v3-small-x0.1", options);
        Assert.Equal((0, isTold), (result.ExitCode, result.Error.Contains("--preset imagenet", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("mobilenet-v2-x0.1")]
    [InlineData("mobilenet-v3-small-x0.1")]
    public void A_network_that_is_not_in_the_catalogue_s_list_needs_its_name(string model)
    {
        var path = Fixture($"torchvision.{model}.pth");
        var result = Shell.Riffle("import", path, "--out", _folder.PathOf("run"));
        Assert.Equal(3, result.ExitCode);
        Error.Names(result.Error, path, "features, classifier", "--model");
        Assert.InRange(result.Error.Length, 1, path.Length + 200);
    }

    [Theory]
    [InlineData("shufflenet-v1-g3-x0.5", "tiny", 2, 4, 2)]
    [InlineData("shufflenet-v2-x0.5", "imagenet", 4, 8, 4)]
    [InlineData("shufflenet-v2-x1.0", "tiny", 1, 3, 2)]
    [InlineData("mobilenet-v1-x0.25", "imagenet")]
    [InlineData("mobilenet-v3-small-x1.0", "imagenet")]
    public void The_network_is_read_off_the_names_and_shapes_of_the_tensors(string model, string preset, params int[] units)
    {
        var network = NetworkCatalogue.Build(NetworkCatalogue.Resolve(model, classes: 7, units: units.Length > 0 ? units : null));
        var path = _folder.PathOf("weights.safetensors");
        using (var file = File.Create(path))
        {
            SafeTensors.Write(
                file, network.Parameters.Select(p => ("module." + p.Name, p.Shape.ToArray(), (ReadOnlyMemory<float>)new float[p.Count])), new Dictionary<string, string>());
        }

        var result = Shell.Riffle("import", path, "--out", _folder.PathOf("run"));
        Assert.Equal(0, result.ExitCode);
        Error.Names(result.Error, model);
        var spec = Checkpoint.Load(_folder.PathOf("run")).Spec;
        var expected = NetworkCatalogue.Resolve(model, Enum.Parse<Preset>(preset, ignoreCase: true), classes: 7, units: units.Length > 0 ? units : null);
        Assert.Equal((expected.Name, expected.ImageSize, expected.StemStride, 7), (spec.Name, spec.ImageSize, spec.StemStride, spec.Classes));
        Assert.Equal(expected.Units.AsEnumerable(), spec.Units.AsEnumerable());
    }

    [ExternalTheory]
    [InlineData("shufflenet_v2_x0_5.fp32.safetensors")]
    [InlineData("shufflenet_v2_x0_5.fp32.pth")]
    public void Torchvision_s_own_weights_need_no_options(string file)
    {
        var result = Shell.Riffle("import", ExternalData.PathOf(file), "--out", _folder.PathOf("run"));
        Assert.Equal(0, result.ExitCode);
        Error.Names(result.Error, "shufflenet-v2-x0.5", "4,8,4", "preset imagenet");
        Assert.Contains("224×224, 1,000 classes", result.Output);
    }

    [Theory]
    [InlineData("torch.script.pt", "torch.jit.load")]
    [InlineData("onnx/resnet.onnx", "predict, evaluate, benchmark")]
    [InlineData("torch.beside.4.pth", "--units")]
    [InlineData("half_photos.json", "safetensors")]
    public void What_is_no_file_of_these_weights_is_bad_data_and_says_the_way_out(string fixture, string wayOut)
    {
        var path = Fixture(fixture);
        var result = Import(path, "run");
        Assert.Equal(3, result.ExitCode);
        Assert.StartsWith($"riffle: {path}: ", result.Error);
        Assert.Contains(wayOut, result.Error);
    }

    private static string Fixture(string name) => Path.Combine(AppContext.BaseDirectory, "Fixtures", name);

    private Shell.Result Import(string path, string run, string model = Model, params string[] options) =>
        Shell.Riffle(["import", path, "--model", model, "--out", _folder.PathOf(run), .. options]);

    private float Imported(string run) => Checkpoint.Load(_folder.PathOf(run)).Weights["fc.bias"][0];

    private static IEnumerable<(string Name, int[] Shape, ReadOnlyMemory<float> Values)> Weights(float value, string prefix)
    {
        var weights = new Weights(NetworkCatalogue.Build(NetworkCatalogue.Resolve(Model, classes: 3)));
        weights["fc.bias"].Fill(value);
        return weights.Network.Parameters.Select(p => (prefix + p.Name, p.Shape.ToArray(), (ReadOnlyMemory<float>)weights[p.Name].ToArray()));
    }
}
