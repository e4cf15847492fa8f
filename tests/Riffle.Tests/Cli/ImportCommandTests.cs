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

        Assert.Equal(0, Import(path, "average", "--key", "model_ema").ExitCode);
        Assert.Equal(2, Imported("average"));
        Assert.Equal(2, Import(path, "none", "--key", "no_such").ExitCode);
        Assert.False(Directory.Exists(_folder.PathOf("none")));
    }

    [Theory]
    [InlineData("torch.script.pt", "torch.jit.load")]
    [InlineData("onnx/resnet.onnx", "predict, evaluate, benchmark")]
    [InlineData("torch.beside.4.pth", "--units")]
    [InlineData("half_photos.json", "safetensors")]
    public void What_is_no_file_of_these_weights_is_bad_data_and_says_the_way_out(string fixture, string wayOut)
    {
        var path = Path.Combine(AppContext.BaseDirectory, "Fixtures", fixture);
        var result = Import(path, "run");
        Assert.Equal(3, result.ExitCode);
        Assert.StartsWith($"riffle: {path}: ", result.Error);
        Assert.Contains(wayOut, result.Error);
    }

    private Shell.Result Import(string path, string run, params string[] options) =>
        Shell.Riffle(["import", path, "--model", Model, "--out", _folder.PathOf(run), .. options]);

    private float Imported(string run) => Checkpoint.Load(_folder.PathOf(run)).Weights["fc.bias"][0];

    private static IEnumerable<(string Name, int[] Shape, ReadOnlyMemory<float> Values)> Weights(float value, string prefix)
    {
        var weights = new Weights(NetworkCatalogue.Build(NetworkCatalogue.Resolve(Model, classes: 3)));
        weights["fc.bias"].Fill(value);
        return weights.Network.Parameters.Select(p => (prefix + p.Name, p.Shape.ToArray(), (ReadOnlyMemory<float>)weights[p.Name].ToArray()));
    }
}
