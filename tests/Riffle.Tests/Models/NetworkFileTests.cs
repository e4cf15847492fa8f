using System.Text.Json.Nodes;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Tests.Cli;
using Riffle.Tests.Formats;
using Riffle.Tests.Networks;

namespace Riffle.Tests.Models;

public sealed class NetworkFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Names => [.. NetworkCatalogue.Names];

    private string FilePath => _folder.PathOf("network.json");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_network_is_written_and_read(string name)
    {
        var network = NetworkCatalogue.Build(NetworkCatalogue.Resolve(name));
        NetworkFile.Write(network, FilePath);
        Assert.Equal(NetworkSpec.Of(network), NetworkFile.Read(FilePath));
    }

    /// <summary>Files outlive the names in the code: every operator and setting keeps its spelling.</summary>
    [Fact]
    public void The_spelling_is_that_of_a_file_from_before()
    {
        var before = Path.Combine(AppContext.BaseDirectory, "Fixtures", "own-network.json");
        var network = OwnNetwork.Create(24, 3);
        Assert.Equal(NetworkSpec.Of(network), NetworkFile.Read(before));
        NetworkFile.Write(network, FilePath);
        Assert.Equal(File.ReadAllText(before).ReplaceLineEndings("\n"), File.ReadAllText(FilePath));
        var operators = Directory.GetFiles(Path.Combine(Shell.Root, "src", "Riffle", "Networks", "Operators"), "*.cs")
            .Select(file => Path.GetFileName(file).Split('.')[0]).Distinct().Except(["Operation", "OperatorTypes", "Rules", "Input"]);
        Assert.Subset(network.Layers.Select(layer => layer.Operation.GetType().Name).ToHashSet(), operators.ToHashSet());
    }

    /// <summary>A layer reads the one before it and stands alone, unless the file says otherwise; a person may write comments.</summary>
    [Fact]
    public void A_file_says_only_what_is_not_usual()
    {
        File.WriteAllText(FilePath, """
            // Nothing but a classifier.
            { "name": "mine", "image_size": 9, "classes": 4, "layers": [
              { "name": "pool", "op": "global_average_pool" },
              { "name": "twice", "op": "concat", "inputs": ["pool", "pool"] },
              { "name": "relu", "op": "relu" },
              { "op": "fully_connected", "name": "fc", "outputs": 4, "unit": "head" },
            ] }
            """);
        var network = NetworkCatalogue.Build(NetworkFile.Read(FilePath));
        Assert.Equal(["input", "pool", "twice", "relu", "fc"], network.Layers.Select(layer => layer.Name));
        Assert.Equal(["input", "pool", "twice", "relu", "head"], network.Layers.Select(layer => layer.Unit));
        Assert.Equal([0, 1, 1, 2, 3], network.Layers.SelectMany(layer => layer.Inputs));
        Assert.Equal(new Relu(), network.Layers[3].Operation);
    }

    /// <summary>The name of an operator in a file is the one in tables; activations have a name each there, and one operator with a kind here.</summary>
    [Fact]
    public void Operators_are_called_as_everywhere()
    {
        NetworkFile.Write(OwnNetwork.Create(16, 2), FilePath);
        var layers = JsonNode.Parse(File.ReadAllText(FilePath))!["layers"]!.AsArray();
        var expected = OwnNetwork.Create(16, 2).Layers.Skip(1).Select(layer => layer.Operation.Name is "silu" or "hard_swish" or "hard_sigmoid"
            ? $"activation {layer.Operation.Name}"
            : layer.Operation.Name);
        Assert.Equal(expected, layers.Select(layer => $"{layer!["op"]} {layer["kind"]}".TrimEnd()));
    }

    [Theory]
    [InlineData("", "JSON")]
    [InlineData("null", "null")]
    [InlineData("[]", "")]
    [InlineData("""{ "name": "a", "image_size": 8, "classes": 2 }""", "layers")]
    [InlineData("""{ "name": "a", "image_size": 8, "classes": 2, "layers": null }""", "layers")]
    [InlineData("""{ "name": "a", "image_size": 8, "classes": 2, "layers": [] }""", "no layers")]
    [InlineData("""{ "name": "a", "image_size": 8, "classes": 2, "layers": {} }""", "not a list")]
    [InlineData("""{ "name": "a", "image_size": 8, "classes": 2, "layers": [7] }""", "layer 1 is not an object")]
    [InlineData("""{ "name": "a", "image_size": 0, "classes": 2, "layers": [{ "name": "x", "op": "relu" }] }""", "possible is 1 to 4096")]
    [InlineData("""{ "name": "a", "image_size": 8, "classes": 0, "layers": [{ "name": "x", "op": "relu" }] }""", "possible is 1 to 100000")]
    [InlineData("""{ "name": "a", "image_size": 8, "classes": 2, "layers": [{ "op": "relu" }] }""", "layer 1 has no name")]
    public void What_is_no_description_is_refused_with_the_file(string text, string what) => Refused(text, what);

    [Theory]
    [InlineData(""" "op": "relu6" """, "there is no operator 'relu6'")]
    [InlineData(""" "op": 7 """, "its 'op' is not a text")]
    [InlineData(""" "kernel": 3 """, "no 'op'")]
    [InlineData(""" "op": "relu", "maxim": 6 """, "no setting 'maxim'; it has maximum")]
    [InlineData(""" "op": "relu", "maximum": "six" """, "its 'maximum'")]
    [InlineData(""" "op": "relu", "maximum": 1e99 """, "its 'maximum'")]
    [InlineData(""" "op": "relu", "maximum": -1 """, "a maximum of -1")]
    [InlineData(""" "op": "relu", "inputs": "input" """, "inputs are not a list")]
    [InlineData(""" "op": "relu", "inputs": ["x"] """, "no layer before it")]
    [InlineData(""" "op": "relu", "unit": null """, "its 'unit' is not a text")]
    [InlineData(""" "op": "activation", "kind": "tanh" """, "its 'kind'")]
    [InlineData(""" "op": "activation", "kind": 1 """, "its 'kind'")]
    [InlineData(""" "op": "max_pool", "kernel": 3, "padding": {} """, "its 'stride' is missing")]
    [InlineData(""" "op": "max_pool", "kernel": 3, "stride": 1, "padding": 1 """, "its 'padding'")]
    [InlineData(""" "op": "max_pool", "kernel": 3, "stride": 1, "padding": { "top": null } """, "its 'padding.top'")]
    [InlineData(""" "op": "max_pool", "kernel": 3000000000, "stride": 1, "padding": {} """, "its 'kernel'")]
    [InlineData(""" "op": "max_pool", "kernel": 2000000000, "stride": 1, "padding": {} """, "2000000000")]
    [InlineData(""" "op": "convolution", "output_channels": 2000000000, "kernel": 1, "stride": 1, "padding": {}, "groups": 1 """, "6,000,000,000 values")]
    public void What_a_layer_can_t_be_is_refused_with_its_name(string layer, string what) => Refused(
        $$"""
        { "name": "a", "image_size": 8, "classes": 2, "layers": [{ "name": "odd.one", {{layer}} }, { "name": "fc", "op": "fully_connected", "outputs": 2 }] }
        """, what, "odd.one");

    [Fact]
    public void A_file_that_is_not_there_is_said_to_be_missing() =>
        Assert.Contains(FilePath, Assert.Throws<RiffleException>(() => NetworkFile.Read(FilePath)).Message);

    private void Refused(string text, string what, string layer = "")
    {
        File.WriteAllText(FilePath, text);
        var message = Assert.Throws<BadDataException>(() => NetworkFile.Read(FilePath)).Message;
        Assert.StartsWith(FilePath, message);
        Assert.Contains(layer, message);
        Assert.Contains(what, message);
    }
}
