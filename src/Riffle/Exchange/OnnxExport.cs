using Riffle.Execution;
using Riffle.Formats.Onnx;
using Riffle.Networks;

namespace Riffle.Exchange;

/// <summary>A network's description and weights as an ONNX graph, for any number of images at once.</summary>
/// <remarks>
/// Constants have the names of the network's parameters, nodes those of its layers. A folded batch norm leaves a convolution a bias under its own name.
/// </remarks>
internal sealed class OnnxExport
{
    /// <summary>The oldest operators that all of this is written in: newer runtimes read them too.</summary>
    private const int Opset = 13;

    private readonly Weights _weights;
    private readonly OnnxForm _form;
    private readonly List<OnnxNode> _nodes = [];
    private readonly List<OnnxTensor> _tensors = [];

    /// <summary>The name of each layer's value; of a folded batch norm, that of the convolution before it.</summary>
    private readonly string[] _values;

    /// <summary>Layers whose value is N×C, not N×C×1×1.</summary>
    private readonly HashSet<int> _flat = [];

    private OnnxExport(Weights weights, OnnxForm form) => (_weights, _form, _values) = (weights, form, new string[weights.Network.Layers.Length]);

    /// <summary>The graph.</summary>
    /// <param name="weights">The network.</param>
    /// <param name="normalisation">How bytes become inputs; used where pixels are asked for.</param>
    /// <param name="form">What it takes and gives.</param>
    /// <param name="producer">What writes it, with its version.</param>
    /// <param name="metadata">Strings to keep beside it.</param>
    public static OnnxModel Write(
        Weights weights, Normalisation normalisation, OnnxForm form, (string Name, string Version) producer, IReadOnlyDictionary<string, string> metadata)
    {
        var (network, export) = (weights.Network, new OnnxExport(weights, form));
        long? batch = null;
        var (channels, height, width) = network.Input;
        export._values[0] = "images";
        if (form.Pixels)
            export._values[0] = export.Normalise(normalisation);
        foreach (var layer in network.Layers.Skip(1))
            export._values[layer.Index] = export.Add(layer);
        var input = form.Pixels
            ? new OnnxValue("images", OnnxType.UInt8, [batch, height, width, channels])
            : new OnnxValue("images", OnnxType.Float, [batch, channels, height, width]);
        var output = new OnnxValue(export.End(network.Layers[^1]), OnnxType.Float, [batch, network.Classes]);
        return new(Opset, producer, network.Name, [input], [output], export._nodes, export._tensors, metadata);
    }

    /// <summary>input = scale · byte + shift, as <see cref="ImageBatch"/> computes it.</summary>
    private string Normalise(Normalisation normalisation)
    {
        var (scale, shift) = normalisation.Line;
        var pixels = Node("Transpose", "planes", ["images"], ("perm", (long[])[0, 3, 1, 2]));
        var floats = Node("Cast", "floats", [pixels], ("to", (long)OnnxType.Float));
        string Colours(string name, RgbTriple values) => Tensor(OnnxTensor.Of(name, [1, 3, 1, 1], [values.Red, values.Green, values.Blue]));
        var scaled = Node("Mul", "scaled", [floats, Colours("normalisation.scale", scale)]);
        return Node("Add", "normalised", [scaled, Colours("normalisation.shift", shift)]);
    }

    private string Add(Layer layer)
    {
        var (input, output) = (_weights.Network.Layers[layer.Inputs[0]].Output, layer.Output);
        string[] inputs = [.. layer.Inputs.Select(index => _values[index])];
        if (layer.Inputs.Any(_flat.Contains))
            _flat.Add(layer.Index);
        switch (layer.Operation)
        {
            case Convolution convolution:
                return Convolve(layer, convolution, inputs[0]);
            case BatchNorm norm:
                return FoldedInto(layer) is null
                    ? Node("BatchNormalization", layer.Name, [inputs[0], .. layer.Parameters.Select(Parameter)], ("epsilon", norm.Epsilon))
                    : inputs[0];
            case Relu { Ceiling: < float.PositiveInfinity } relu:
                return Node("Clip", layer.Name, [inputs[0], Number($"{layer.Name}.min", 0), Number($"{layer.Name}.max", relu.Ceiling)]);
            case Relu:
                return Node("Relu", layer.Name, inputs);
            case MaxPool pool:
                return Node("MaxPool", layer.Name, inputs, Window(pool.Kernel, pool.Stride, pool.Padding));
            case AveragePool pool:
                (string, object)[] mean = [.. Window(pool.Kernel, pool.Stride, pool.Padding), ("count_include_pad", pool.CountsPadding ? 1L : 0L)];
                return Node("AveragePool", layer.Name, inputs, mean);
            case GlobalAveragePool:
                return Node("GlobalAveragePool", layer.Name, inputs);
            case ChannelShuffle shuffle:
                return Shuffle(layer, shuffle, inputs[0]);
            case Slice slice:
                string[] places =
                [
                    Integers($"{layer.Name}.starts", slice.Start), Integers($"{layer.Name}.ends", slice.Start + slice.Count), Integers($"{layer.Name}.axes", 1),
                ];
                return Node("Slice", layer.Name, [inputs[0], .. places]);
            case Concat:
                return Node("Concat", layer.Name, inputs, ("axis", 1L));
            case Networks.Add:
                return Node("Add", layer.Name, inputs);
            case FullyConnected:
                var flat = _flat.Contains(layer.Index) ? inputs[0] : Node("Flatten", $"{layer.Name}.flat", inputs, ("axis", 1L));
                _flat.Add(layer.Index);
                return Node("Gemm", layer.Name, [flat, .. layer.Parameters.Select(Parameter)], ("transB", 1L));
            default:
                throw new NotSupportedException($"{layer.Name}: {layer.Operation} from {input} to {output} can't be written as ONNX");
        }
    }

    private string Convolve(Layer layer, Convolution convolution, string input)
    {
        (string, object)[] attributes = [.. Window(convolution.Kernel, convolution.Stride, convolution.Padding), ("group", (long)convolution.Groups)];
        if (NormBehind(layer) is not { } norm)
            return Node("Conv", layer.Name, [input, .. layer.Parameters.Select(Parameter)], attributes);

        // In double precision: a folded network then differs from one that normalises by no more than its own rounding.
        var values = norm.Parameters.Select(parameter => _weights[parameter.Name].ToArray()).ToArray();
        var (kernel, channels) = (_weights[layer.Parameters[0].Name].ToArray(), layer.Output.Channels);
        var bias = layer.Parameters.Length > 1 ? _weights[layer.Parameters[1].Name].ToArray() : new float[channels];
        var epsilon = ((BatchNorm)norm.Operation).Epsilon;
        for (var c = 0; c < channels; c++)
        {
            var scale = values[0][c] / Math.Sqrt((double)values[3][c] + epsilon);
            bias[c] = (float)(values[1][c] + (bias[c] - (double)values[2][c]) * scale);
            foreach (ref var value in kernel.AsSpan(kernel.Length / channels * c, kernel.Length / channels))
                value = (float)(value * scale);
        }

        var weight = Tensor(OnnxTensor.Of(layer.Parameters[0].Name, Shape(layer.Parameters[0]), kernel));
        return Node("Conv", layer.Name, [input, weight, Tensor(OnnxTensor.Of($"{layer.Name}.bias", [channels], bias))], attributes);
    }

    /// <summary>The batch norm that a convolution takes in: the only one that reads it.</summary>
    private Layer? NormBehind(Layer layer) =>
        !_form.KeepBatchNorm && _weights.Network.Layers.Where(reader => reader.Inputs.Contains(layer.Index)).ToArray() is [{ Operation: BatchNorm } norm]
            ? norm
            : null;

    private Layer? FoldedInto(Layer norm) =>
        _weights.Network.Layers[norm.Inputs[0]] is { Operation: Convolution } convolution && NormBehind(convolution) == norm ? convolution : null;

    /// <summary>Channels as a matrix of groups × C/groups, transposed. A 0 keeps the number of images.</summary>
    private string Shuffle(Layer layer, ChannelShuffle shuffle, string input)
    {
        var (channels, height, width) = layer.Output;
        var matrix = Integers($"{layer.Name}.matrix", 0, shuffle.Groups, channels / shuffle.Groups, height, width);
        var groups = Node("Reshape", $"{layer.Name}.groups", [input, matrix]);
        var transposed = Node("Transpose", $"{layer.Name}.transposed", [groups], ("perm", (long[])[0, 2, 1, 3, 4]));
        return Node("Reshape", layer.Name, [transposed, Integers($"{layer.Name}.shape", 0, channels, height, width)]);
    }

    /// <summary>The last node gives the graph's output, under its own name.</summary>
    private string End(Layer last)
    {
        var name = _form.Softmax ? "probabilities" : "logits";
        if (!_flat.Contains(last.Index))
            Node("Flatten", "flat", [_values[last.Index]], ("axis", 1L));
        if (_form.Softmax)
            Node("Softmax", "softmax", [_nodes[^1].Outputs[0]], ("axis", 1L));
        _nodes[^1] = _nodes[^1] with { Outputs = [name] };
        return name;
    }

    private static (string, object)[] Window(int kernel, int stride, Padding padding) =>
    [
        ("kernel_shape", (long[])[kernel, kernel]),
        ("strides", (long[])[stride, stride]),
        ("pads", (long[])[padding.Top, padding.Left, padding.Bottom, padding.Right]),
    ];

    private static long[] Shape(Parameter parameter) => [.. parameter.Shape.Select(size => (long)size)];

    private string Parameter(Parameter parameter) => Tensor(OnnxTensor.Of(parameter.Name, Shape(parameter), _weights[parameter.Name].ToArray()));

    private string Number(string name, float value) => Tensor(OnnxTensor.Of(name, [], [value]));

    private string Integers(string name, params long[] values) => Tensor(OnnxTensor.Of(name, values));

    private string Tensor(OnnxTensor tensor)
    {
        _tensors.Add(tensor);
        return tensor.Name;
    }

    private string Node(string operation, string name, string[] inputs, params (string Key, object Value)[] attributes)
    {
        var value = $"{name}.out";
        _nodes.Add(new(operation, name, inputs, [value], attributes.ToDictionary(pair => pair.Key, pair => (object?)pair.Value)));
        return value;
    }
}
