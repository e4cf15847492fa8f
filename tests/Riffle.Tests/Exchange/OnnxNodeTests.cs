using System.IO.Compression;
using System.Text.Json;
using Riffle.Exchange;
using Riffle.Formats.Onnx;
using Riffle.Tests.Execution;
using Riffle.Tests.Formats;
using Riffle.Tests.Kernels;

namespace Riffle.Tests.Exchange;

/// <summary>
/// The ONNX project's own node tests (Fixtures/make_onnx_nodes.py): the reader's layers, computed by <see cref="NaiveNetwork"/>, give the outputs, where the
/// first input is the images and the others are constants; or, where a node is arithmetic of constants, its folding does. Those that do neither are listed
/// with the reason that Riffle gives (Fixtures/onnx/refused-nodes.json); ReduceMean's and ReduceSum's are all over three axes, and so are none of a classifier.
/// </summary>
public class OnnxNodeTests
{
    /// <summary>What is refused, by how the reason begins behind the node's name; each reason is one that a network's user would read.</summary>
    private static readonly Dictionary<string, string[]> Refused = JsonSerializer.Deserialize<Dictionary<string, string[]>>(File.ReadAllText(
        Path.Combine(Folder, "refused-nodes.json")))!;

    private static readonly Dictionary<string, Case> Cases = ReadCases();

    public static TheoryData<string> Names => [.. Cases.Keys.Order(StringComparer.Ordinal)];

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "Fixtures", "onnx");

    [Theory]
    [MemberData(nameof(Names))]
    public void A_node_test_passes_or_is_refused_for_the_reason_that_is_listed(string name)
    {
        var reason = Try(Cases[name]);
        var listed = Refused.Where(pair => pair.Value.Contains(name)).Select(pair => pair.Key).SingleOrDefault();
        if (listed is null)
            Assert.True(reason is null, $"{name} is not listed as refused: {reason}");
        else
            Assert.Contains(listed, reason ?? "it passes");
    }

    [Fact]
    public void Every_operator_but_ReduceMean_has_a_test_that_passes()
    {
        string[] operators =
        [
            "Conv", "BatchNormalization", "Relu", "MaxPool", "AveragePool", "GlobalAveragePool", "Add", "Concat", "Split", "Slice", "Reshape", "Transpose",
            "Flatten", "Gemm", "MatMul", "Softmax", "LogSoftmax", "Sigmoid", "HardSigmoid", "HardSwish", "Identity", "Dropout", "Constant", "Max", "Min", "Neg",
            "Abs", "Reciprocal", "Sqrt", "Pow", "Expand", "Tile", "Range",
        ];
        var refused = Refused.Values.SelectMany(names => names).ToHashSet();
        var passing = Cases.Values.Where(test => !refused.Contains(test.Name)).SelectMany(test => test.Model.Nodes.Select(node => node.Operator)).ToHashSet();
        Assert.Empty(operators.Except(passing));
    }

    /// <summary>Null where it passes.</summary>
    private static string? Try(Case test)
    {
        try
        {
            return AsLayers(test);
        }
        catch (RiffleException layers)
        {
            if (test.Model.Nodes is not [var node] || node.Outputs.Length != 1 || !ConstantFolding.Operators.Contains(node.Operator))
                return layers.Message;
            try
            {
                var folded = ConstantFolding.Compute(
                    new(test.Name, node, input => test.Inputs.FirstOrDefault(tensor => tensor.Name == input), test.Model.Budget));
                Assert.Equal(test.Outputs[0].Shape, folded.Shape);
                Compare(test.Name, test.Outputs[0], i => folded.Floats is { } floats ? floats[i] : folded.Integers![i]);
                return null;
            }
            catch (RiffleException constants)
            {
                return $"{layers.Message}; {constants.Message}";
            }
        }
    }

    private static string? AsLayers(Case test)
    {
        var model = test.Model with { Tensors = [.. test.Inputs.Skip(1)] };
        var (weights, outputs, constants) = OnnxImport.ReadPart(model, test.Name);
        var (images, shape) = (test.Inputs[0], weights.Network.Input);
        var volume = new Volume((int)images.Shape[0], shape.Channels, shape.Height, shape.Width);
        for (var i = 0; i < volume.Values.Length; i++)
            volume.Values[i] = images.Floats is { } floats ? floats[i] : images.Integers![i];
        var values = NaiveNetwork.RunAll(weights, volume);
        foreach (var expected in test.Outputs)
        {
            if (constants.TryGetValue(expected.Name, out var constant))
            {
                Assert.Equal(expected.Integers!, constant.Integers!);
                continue;
            }

            var features = outputs[expected.Name];
            Assert.Equal(expected.Shape, features.Shape);
            Compare(test.Name, expected, i => Read(values[features.Value.Layer], features, i));
        }

        return null;
    }

    /// <summary>A value by its place among those of a tensor of a graph.</summary>
    private static double Read(Volume volume, Features features, long place)
    {
        var at = new long[4];
        foreach (var factor in features.Axes.SelectMany(axis => axis).Reverse())
        {
            (place, var index) = Math.DivRem(place, factor.Size);
            at[(int)factor.Extent] += index * factor.Stride;
        }

        var value = volume[(int)at[0], (int)at[1], (int)at[2], (int)at[3]];
        if (features.Ending is Ending.Logits or Ending.Sigmoid)
            return features.Ending == Ending.Logits ? value : 1 / (1 + Math.Exp(-value));
        var logits = Enumerable.Range(0, volume.Channels).Select(c => volume[(int)at[0], c, 0, 0]).ToArray();
        var probability = Math.Exp(logits[at[1]] - logits.Max()) / logits.Sum(logit => Math.Exp(logit - logits.Max()));
        return features.Ending == Ending.Softmax ? probability : Math.Log(probability);
    }

    private static void Compare(string name, OnnxTensor expected, Func<int, double> actual)
    {
        for (var i = 0; i < expected.Count; i++)
        {
            var value = expected.Floats is { } floats ? floats[i] : expected.Integers![i];
            Assert.True(Math.Abs(value - actual(i)) <= 1e-5 * Math.Max(1, Math.Abs(value)), $"{name}[{i}]: {actual(i)}, expected {value}");
        }
    }

    private static Dictionary<string, Case> ReadCases()
    {
        using var folder = new TemporaryFolder();
        using var file = new GZipStream(File.OpenRead(Path.Combine(Folder, "nodes.json.gz")), CompressionMode.Decompress);
        using var json = JsonDocument.Parse(file);
        var cases = new Dictionary<string, Case>();
        foreach (var test in json.RootElement.EnumerateArray())
        {
            var name = test.GetProperty("name").GetString()!;
            var model = OnnxReader.Read(folder.Add("node.onnx", test.GetProperty("model").GetBytesFromBase64()));
            OnnxTensor[] Tensors(string key) => [.. test.GetProperty(key).EnumerateArray().Select(Tensor)];
            cases.Add(name, new(name, model, Tensors("inputs"), Tensors("outputs")));
        }

        return cases;
    }

    private static OnnxTensor Tensor(JsonElement json)
    {
        long[] shape = [.. json.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64())];
        var (name, values) = (json.GetProperty("name").GetString()!, json.GetProperty("values").EnumerateArray());
        return json.GetProperty("integer").GetBoolean()
            ? OnnxTensor.Of(name, shape, [.. values.Select(value => value.GetInt64())])
            : OnnxTensor.Of(name, shape, [.. values.Select(value => (float)value.GetDouble())]);
    }

    private sealed record Case(string Name, OnnxModel Model, OnnxTensor[] Inputs, OnnxTensor[] Outputs);
}
