using Riffle.Formats.Onnx;
using Riffle.Networks;

namespace Riffle.Exchange;

/// <summary>A network's description and weights as an ONNX graph, for any number of images at once.</summary>
/// <remarks>
/// Constants have the names of the network's parameters, nodes those of its layers. A folded batch norm leaves a convolution a bias under its own name.
/// </remarks>
internal sealed class OnnxExport : IOnnxGraph
{
    private readonly Weights _weights;
    private readonly Normalisation _normalisation;
    private readonly OnnxForm _form;
    private readonly List<OnnxNode> _nodes = [];
    private readonly List<OnnxTensor> _tensors = [];
    private readonly ILookup<int, Layer> _readers;

    /// <summary>The name of each layer's value. A folded batch norm has that of the layer before it.</summary>
    private readonly string[] _values;

    /// <summary>Values that are N×C, not N×C×1×1.</summary>
    private readonly HashSet<string> _rows = [];

    /// <summary>The N×C×1×1 form of such values, as far as something needed it.</summary>
    private readonly Dictionary<string, string> _planes = [];

    /// <summary>The oldest version that has what most layers need. Newer runtimes read it too.</summary>
    private long _opset = 13;

    private OnnxExport(Weights weights, Normalisation normalisation, OnnxForm form)
    {
        (_weights, _normalisation, _form, _values) = (weights, normalisation, form, new string[weights.Network.Layers.Length]);
        var reads = weights.Network.Layers.SelectMany(layer => layer.Inputs.Distinct(), (layer, input) => (Layer: layer, Input: input));
        _readers = reads.ToLookup(read => read.Input, read => read.Layer);
    }

    /// <summary>The graph.</summary>
    /// <param name="weights">The network.</param>
    /// <param name="normalisation">How bytes become inputs; used where pixels are asked for.</param>
    /// <param name="form">What it takes and gives.</param>
    /// <param name="producer">What writes it, with its version.</param>
    /// <param name="metadata">Strings to keep beside it.</param>
    public static OnnxModel Write(
        Weights weights, Normalisation normalisation, OnnxForm form, (string Name, string Version) producer, IReadOnlyDictionary<string, string> metadata)
    {
        var (network, export) = (weights.Network, new OnnxExport(weights, normalisation, form));
        foreach (var layer in network.Layers)
            export._values[layer.Index] = export.FoldedInto(layer) is { } before ? export._values[before.Index] : layer.Operation.WriteOnnx(export, layer);
        long? batch = null;
        var (channels, height, width) = network.Input;
        var input = form.Pixels
            ? new OnnxValue("images", OnnxType.UInt8, [batch, height, width, channels])
            : new OnnxValue("images", OnnxType.Float, [batch, channels, height, width]);
        var output = new OnnxValue(export.End(network.Layers[^1]), OnnxType.Float, [batch, network.Classes]);
        return new(export._opset, producer, network.Name, [input], [output], export._nodes, export._tensors, metadata);
    }

    public string Images()
    {
        const string Name = "images";
        if (!_form.Pixels)
            return Name;

        // input = scale · byte + shift, as ImageBatch computes it.
        var (scale, shift) = _normalisation.Affine;
        var pixels = Node("Transpose", "planes", [Name], ("perm", (long[])[0, 3, 1, 2]));
        var floats = Node("Cast", "floats", [pixels], ("to", (long)OnnxType.Float));
        string Colours(string name, RgbTriple values) => Tensor(OnnxTensor.Of(name, [1, 3, 1, 1], [values.Red, values.Green, values.Blue]));
        var scaled = Node("Mul", "scaled", [floats, Colours("normalisation.scale", scale)]);
        return Node("Add", "normalised", [scaled, Colours("normalisation.shift", shift)]);
    }

    public string[] Inputs(Layer layer)
    {
        string[] inputs = [.. layer.Inputs.Select(index => _values[index])];
        return inputs.All(_rows.Contains) ? inputs : [.. layer.Inputs.Select(index => Planes(_weights.Network.Layers[index].Output, _values[index]))];
    }

    public string Planes(Layer layer) => Planes(_weights.Network.Layers[layer.Inputs[0]].Output, _values[layer.Inputs[0]]);

    public string Rows(Layer layer) => Rows(_values[layer.Inputs[0]], $"{layer.Name}.flat");

    public string[] Parameters(Layer layer)
    {
        if (FoldedBehind(layer) is not { } norm)
            return [.. layer.Parameters.Select(parameter => Constant(parameter, Values(parameter)))];

        // In double precision: a folded network then differs from one that normalises by no more than its own rounding.
        var (scale, shift) = Affine(norm)!.Value;
        var (kernel, channels) = (Values(layer.Parameters[0]), layer.Output.Channels);
        var bias = layer.Parameters.Length > 1 ? Values(layer.Parameters[1]) : new float[channels];
        for (var c = 0; c < channels; c++)
        {
            bias[c] = (float)(bias[c] * scale[c] + shift[c]);
            foreach (ref var value in kernel.AsSpan(kernel.Length / channels * c, kernel.Length / channels))
                value = (float)(value * scale[c]);
        }

        return [Constant(layer.Parameters[0], kernel), Tensor(OnnxTensor.Of($"{layer.Name}.bias", [channels], bias))];
    }

    public string Number(string name, float value) => Tensor(OnnxTensor.Of(name, [], [value]));

    public string Integers(string name, params long[] values) => Tensor(OnnxTensor.Of(name, values));

    public string Node(string operation, string name, string[] inputs, params (string Key, object Value)[] attributes)
    {
        var value = $"{name}.out";
        _nodes.Add(new(operation, name, inputs, [value], attributes.ToDictionary(pair => pair.Key, pair => (object?)pair.Value)));
        if (_rows.Contains(inputs[0]))
            _rows.Add(value);
        return value;
    }

    public void RequireOpset(long version) => _opset = Math.Max(_opset, version);

    /// <summary>The layer into whose kernel another is folded, so that it needs no node: it is an affine, and nothing else reads its input.</summary>
    private Layer? FoldedInto(Layer layer)
    {
        if (_form.KeepBatchNorm || layer.Inputs.Length != 1 || Affine(layer) is null)
            return null;
        var before = _weights.Network.Layers[layer.Inputs[0]];
        return before.Parameters is [{ Kind: ParameterKind.Kernel }, ..] && _readers[before.Index].Count() == 1 ? before : null;
    }

    private Layer? FoldedBehind(Layer layer) => _readers[layer.Index].SingleOrDefault(reader => FoldedInto(reader) == layer);

    private (double[] Scale, double[] Shift)? Affine(Layer layer) => layer.Operation.AffineOf(parameter => Values(layer.Parameters[parameter]));

    private string Rows(string value, string name)
    {
        if (_rows.Contains(value))
            return value;
        var rows = Node("Flatten", name, [value], ("axis", 1L));
        _rows.Add(rows);
        return rows;
    }

    private string Planes(Shape shape, string value)
    {
        if (!_rows.Contains(value))
            return value;
        if (!_planes.TryGetValue(value, out var planes))
        {
            planes = Node("Reshape", $"{value}.planes", [value, Integers($"{value}.shape", 0, shape.Channels, shape.Height, shape.Width)]);
            _rows.Remove(planes);
            _planes.Add(value, planes);
        }

        return planes;
    }

    /// <summary>The last node gives the graph's output, under its own name.</summary>
    private string End(Layer last)
    {
        var name = _form.Softmax ? "probabilities" : "logits";
        var logits = Rows(_values[last.Index], "flat");
        if (_form.Softmax)
            Node("Softmax", "softmax", [logits], ("axis", 1L));
        _nodes[^1] = _nodes[^1] with { Outputs = [name] };
        return name;
    }

    private float[] Values(Parameter parameter) => _weights[parameter.Name].ToArray();

    private string Constant(Parameter parameter, float[] values) =>
        Tensor(OnnxTensor.Of(parameter.Name, [.. parameter.Shape.Select(size => (long)size)], values));

    private string Tensor(OnnxTensor tensor)
    {
        _tensors.Add(tensor);
        return tensor.Name;
    }
}
