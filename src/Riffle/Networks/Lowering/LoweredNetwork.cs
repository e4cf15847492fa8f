namespace Riffle.Networks;

/// <summary>A channel of a value while a network is lowered: a plane, and how much was deferred on it when it was taken.</summary>
internal sealed record Channel(int Plane, int Version);

/// <summary>A run of planes that one step writes: the output of a product, a window, a mean or a sum, or the images.</summary>
internal sealed class LoweredTensor(int firstPlane, Layer layer, int step)
{
    /// <summary>Its planes have numbers in a row.</summary>
    public int FirstPlane { get; } = firstPlane;

    /// <summary>The layer whose raw output it holds.</summary>
    public Layer Layer { get; } = layer;

    /// <summary>The step that writes it; −1 for the images.</summary>
    public int Step { get; } = step;

    public int Channels => Layer.Output.Channels;

    /// <summary>H·W.</summary>
    public int Positions => Layer.Output.Height * Layer.Output.Width;

    /// <summary>The bias that is added to it, if any.</summary>
    public Parameter? Bias { get; } = layer.Parameters.FirstOrDefault(parameter => parameter.Kind == ParameterKind.Bias);

    /// <summary>The batch norm after it, if any.</summary>
    public Layer? Norm { get; set; }

    /// <summary>What that batch norm adds to the variance, and the weight of a new batch in its running statistics.</summary>
    public (float Epsilon, float Momentum) NormConstants { get; set; }

    /// <summary>The first step that reads one of its planes.</summary>
    public int FirstReader { get; set; } = int.MaxValue;

    /// <summary>The last step that reads one of its planes.</summary>
    public int LastReader { get; set; } = -1;
}

/// <summary>A step of a lowered network.</summary>
/// <param name="Index">Its place among the steps.</param>
/// <param name="Layer">The layer that it comes from; null for the reader of the logits.</param>
/// <param name="Primitive">What it computes.</param>
/// <param name="Inputs">For each input the planes of its channels.</param>
/// <param name="Input">The shape of its first input.</param>
/// <param name="Output">What it writes; null for the reader of the logits.</param>
internal sealed record LoweredStep(int Index, Layer? Layer, Primitive Primitive, int[][] Inputs, Shape Input, LoweredTensor? Output)
{
    /// <summary>What messages call it.</summary>
    public string Name => Layer?.Name ?? "loss";
}

/// <summary>
/// A network as the steps that compute it, shared by training and inference. A value is a list of planes, each one channel. Channel shuffle,
/// slice and concat are other lists of the same planes. Batch norm and ReLU are deferred on planes and applied by the steps that write or read them; neither is a
/// step.
/// </summary>
internal sealed class LoweredNetwork
{
    private static readonly (float Low, float High) Unclamped = (float.NegativeInfinity, float.PositiveInfinity);

    private readonly List<LoweredTensor> _tensors = [];
    private readonly List<LoweredStep> _steps = [];
    private readonly List<Plane> _planes = [];

    /// <summary>Lowers a network.</summary>
    /// <exception cref="NotSupportedException">A plane is read both before and after its batch norm or ReLU, or never read; the message names the layer.</exception>
    public LoweredNetwork(Network network)
    {
        Network = network;
        var values = new Channel[network.Layers.Length][];
        foreach (var layer in network.Layers)
            values[layer.Index] = layer.Operation.Lower(this, layer, [.. layer.Inputs.Select(input => values[input])]);
        Append(null, new Logits(), [values[^1]], null);
        CheckVersions();
        FindReaders();
    }

    /// <summary>What was lowered.</summary>
    public Network Network { get; }

    /// <summary>All that steps write, the images first.</summary>
    public IReadOnlyList<LoweredTensor> Tensors => _tensors;

    /// <summary>The steps in forward order; the last reads the logits.</summary>
    public IReadOnlyList<LoweredStep> Steps => _steps;

    /// <summary>Number of planes.</summary>
    public int PlaneCount => _planes.Count;

    /// <summary>The images.</summary>
    public LoweredTensor Images => _tensors[0];

    /// <summary>Planes of the logits in the order of the classes.</summary>
    public int[] Logits => _steps[^1].Inputs[0];

    public LoweredTensor TensorOf(int plane) => _tensors[_planes[plane].Tensor];

    /// <summary>The range that a plane's values are cut off at, when it is read or, in inference, written.</summary>
    public (float Low, float High) ClampOf(int plane) => _planes[plane].Clamp;

    /// <summary>Whether a plane's values are cut off.</summary>
    public bool IsClamped(int plane) => _planes[plane].Clamp != Unclamped;

    /// <summary>The number of reads of a plane, and the steps that read it.</summary>
    public IEnumerable<int> ReadersOf(int plane) => _planes[plane].Reads.Select(read => read.Step);

    /// <summary>The images, which no step writes.</summary>
    public Channel[] AddImages(Layer layer) => AddTensor(layer, step: -1);

    /// <summary>A step that computes a layer's output.</summary>
    public Channel[] AddStep(Layer layer, Primitive primitive, Channel[][] inputs)
    {
        var channels = AddTensor(layer, _steps.Count);
        Append(layer, primitive, inputs, _tensors[^1]);
        return channels;
    }

    /// <summary>Batch norm after a convolution.</summary>
    public Channel[] Normalise(Layer layer, Channel[] input, float epsilon, float momentum)
    {
        var tensor = TensorOf(input[0].Plane);
        var isWhole = input.Length == tensor.Channels && input.Select((channel, c) => channel == new Channel(tensor.FirstPlane + c, 0)).All(same => same);
        if (!isWhole || tensor.Step < 0 || _steps[tensor.Step].Primitive is not (Product or Depthwise))
            throw new NotSupportedException($"{layer.Name}: batch norm is supported directly behind a convolution");
        (tensor.Norm, tensor.NormConstants) = (layer, (epsilon, momentum));
        return [.. input.Select(channel => Touch(channel, _ => { }))];
    }

    /// <summary>min(max(x, low), high) of some channels.</summary>
    public Channel[] Clamp(Channel[] input, float low, float high) =>
        [.. input.Select(channel => Touch(channel, plane => plane.Clamp = (Math.Max(plane.Clamp.Low, low), Math.Min(plane.Clamp.High, high))))];

    private void Append(Layer? layer, Primitive primitive, Channel[][] inputs, LoweredTensor? output)
    {
        foreach (var channel in inputs.SelectMany(input => input))
            _planes[channel.Plane].Reads.Add((_steps.Count, channel.Version));
        int[][] planes = [.. inputs.Select(input => input.Select(channel => channel.Plane).ToArray())];
        var shape = TensorOf(planes[0][0]).Layer.Output with { Channels = planes[0].Length };
        _steps.Add(new(_steps.Count, layer, primitive, planes, shape, output));
    }

    private Channel[] AddTensor(Layer layer, int step)
    {
        var tensor = new LoweredTensor(_planes.Count, layer, step);
        _tensors.Add(tensor);
        for (var c = 0; c < tensor.Channels; c++)
            _planes.Add(new Plane { Tensor = _tensors.Count - 1 });
        return [.. Enumerable.Range(tensor.FirstPlane, tensor.Channels).Select(plane => new Channel(plane, 0))];
    }

    /// <summary>Changes what is deferred on a plane, which makes it a new version of the plane.</summary>
    private Channel Touch(Channel channel, Action<Plane> change)
    {
        var plane = _planes[channel.Plane];
        change(plane);
        return new(channel.Plane, ++plane.Version);
    }

    private void CheckVersions()
    {
        foreach (var plane in _planes)
        {
            foreach (var (step, version) in plane.Reads)
            {
                if (version != plane.Version)
                {
                    throw new NotSupportedException(
                        $"{_steps[step].Name}: reads {_tensors[plane.Tensor].Layer.Name} before batch norm or ReLU, which another layer reads after it");
                }
            }

            if (plane.Reads.Count == 0)
                throw new NotSupportedException($"{_tensors[plane.Tensor].Layer.Name}: some of its channels are never read");
        }
    }

    private void FindReaders()
    {
        foreach (var plane in _planes)
        {
            var tensor = _tensors[plane.Tensor];
            tensor.FirstReader = Math.Min(tensor.FirstReader, plane.Reads.Min(read => read.Step));
            tensor.LastReader = Math.Max(tensor.LastReader, plane.Reads.Max(read => read.Step));
        }
    }

    private sealed class Plane
    {
        public int Tensor { get; init; }

        public (float Low, float High) Clamp { get; set; } = Unclamped;

        public int Version { get; set; }

        public List<(int Step, int Version)> Reads { get; } = [];
    }
}
