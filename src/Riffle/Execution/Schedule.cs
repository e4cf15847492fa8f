using Riffle.Kernels;
using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>A run of planes that one step writes: the channels of a convolution's, a pool's or a sum's output, or the images.</summary>
internal sealed class Tensor(int firstPlane, Layer layer, int step)
{
    public int FirstPlane { get; } = firstPlane;

    /// <summary>The layer whose raw output it holds.</summary>
    public Layer Layer { get; } = layer;

    /// <summary>The step that writes it; −1 for the images.</summary>
    public int Step { get; } = step;

    public int Channels => Layer.Output.Channels;

    /// <summary>H·W.</summary>
    public int Positions => Layer.Output.Height * Layer.Output.Width;

    /// <summary>Floats of one plane: H·W·16.</summary>
    public int PlaneSize => Positions * Lanes.Count;

    public long Size => (long)Channels * PlaneSize;

    /// <summary>The batch norm that is pending on its planes, if any.</summary>
    public Layer? Norm { get; set; }

    /// <summary>Its batch norm with the weights it works on; only where there is one.</summary>
    public unsafe BatchNormalisation NormKernel(Weights weights)
    {
        var (operation, parameters) = ((BatchNorm)Norm!.Operation, Norm.Parameters);
        return new()
        {
            FirstPlane = FirstPlane,
            Channels = Channels,
            Positions = Positions,
            Epsilon = operation.Epsilon,
            Momentum = operation.Momentum,
            Weight = weights.TrainedPointer + weights.OffsetOf(parameters[0]),
            Bias = weights.TrainedPointer + weights.OffsetOf(parameters[1]),
            RunningMean = weights.RunningPointer + weights.OffsetOf(parameters[2]),
            RunningVariance = weights.RunningPointer + weights.OffsetOf(parameters[3]),
        };
    }

    /// <summary>The first step that reads one of its planes: backward, the tensor's gradient is whole after it.</summary>
    public int FirstReader { get; set; } = int.MaxValue;

    /// <summary>The last step that reads one of its planes: backward, its gradient begins there.</summary>
    public int LastReader { get; set; } = -1;

    /// <summary>Whether its planes' gradients are those of sums they are added to, in the same memory.</summary>
    public bool SharesGradient { get; set; }

    /// <summary>The step whose backward is the last to need its gradient: its own, or that of a tensor that shares it.</summary>
    public int GradientUntil { get; set; } = step;
}

/// <summary>A step that does something: a layer with its inputs as lists of planes.</summary>
/// <param name="Layer">The layer; null for the loss.</param>
/// <param name="Inputs">For each input the planes of its channels.</param>
/// <param name="Output">What it writes; null for the loss.</param>
internal sealed record ScheduledStep(Layer? Layer, int[][] Inputs, Tensor? Output)
{
    /// <summary>For each input plane what this step's gradient means for it.</summary>
    public Arrival[][] Arrivals { get; } = [.. Inputs.Select(input => new Arrival[input.Length])];
}

/// <summary>
/// A network as the steps that compute it. Batch norm and ReLU become what is pending on planes; shuffle, slice and concat become the order of
/// planes; neither is a step.
/// </summary>
internal sealed class Schedule
{
    private readonly List<Tensor> _tensors = [];
    private readonly List<ScheduledStep> _steps = [];
    private readonly List<Plane> _planes = [];

    public Schedule(Network network)
    {
        var values = new View[network.Layers.Length][];
        foreach (var layer in network.Layers)
            values[layer.Index] = Place(layer, [.. layer.Inputs.Select(input => values[input])]);
        AddStep(null, [values[^1]]);
        CheckVersions();
        FindReaders();
        DecideArrivals();
        foreach (var step in _steps.Where(step => step.Layer?.Operation is Add).Reverse())
            ShareGradients(step);
    }

    public IReadOnlyList<Tensor> Tensors => _tensors;

    /// <summary>The steps in forward order; the last is the loss.</summary>
    public IReadOnlyList<ScheduledStep> Steps => _steps;

    public int PlaneCount => _planes.Count;

    /// <summary>The images' tensor.</summary>
    public Tensor Images => _tensors[0];

    /// <summary>Planes of the logits in the order of the classes.</summary>
    public int[] Logits => _steps[^1].Inputs[0];

    public Tensor TensorOf(int plane) => _tensors[_planes[plane].Tensor];

    /// <summary>Whether ReLU is pending on a plane.</summary>
    public bool HasRelu(int plane) => _planes[plane].Relu;

    /// <summary>The largest value that a plane is read as.</summary>
    public float CeilingOf(int plane) => _planes[plane].Ceiling;

    /// <summary>The plane whose gradient's memory a plane uses: its own, or that of the last of the sums it goes through.</summary>
    public int GradientOf(int plane) => _planes[plane].SumPlane is { } sum ? GradientOf(sum) : plane;

    /// <summary>The normalised plane that shares the gradient of this one, a sum; −1 without.</summary>
    public int AddendOf(int plane) => _planes[plane].Addend;

    private View[] Place(Layer layer, View[][] inputs)
    {
        switch (layer.Operation)
        {
            case Input:
                return AddTensor(layer, -1);
            case BatchNorm:
                return Normalise(layer, inputs[0]);
            case Relu relu:
                return [.. inputs[0].Select(view => Touch(view, plane => (plane.Relu, plane.Ceiling) = (true, Math.Min(plane.Ceiling, relu.Ceiling))))];
            case ChannelShuffle shuffle:
                // Channel g·(C/groups) + i moves to i·groups + g.
                var (source, width) = (inputs[0], inputs[0].Length / shuffle.Groups);
                return [.. Enumerable.Range(0, source.Length).Select(c => source[c % shuffle.Groups * width + c / shuffle.Groups])];
            case Slice slice:
                return inputs[0][slice.Start..(slice.Start + slice.Count)];
            case Concat:
                return [.. inputs[0], .. inputs[1]];
            default:
                return AddStep(layer, inputs);
        }
    }

    private View[] AddStep(Layer? layer, View[][] inputs)
    {
        var output = layer == null ? null : AddTensor(layer, _steps.Count);
        foreach (var view in inputs.SelectMany(input => input))
            _planes[view.Plane].Reads.Add((_steps.Count, view.Version));
        _steps.Add(new ScheduledStep(layer, [.. inputs.Select(input => input.Select(view => view.Plane).ToArray())], output == null ? null : _tensors[^1]));
        return output ?? [];
    }

    private View[] AddTensor(Layer layer, int step)
    {
        var tensor = new Tensor(_planes.Count, layer, step);
        _tensors.Add(tensor);
        for (var c = 0; c < tensor.Channels; c++)
            _planes.Add(new Plane { Tensor = _tensors.Count - 1 });
        return [.. Enumerable.Range(tensor.FirstPlane, tensor.Channels).Select(plane => new View(plane, 0))];
    }

    private View[] Normalise(Layer layer, View[] input)
    {
        var tensor = TensorOf(input[0].Plane);
        var whole = input.Length == tensor.Channels && input.Select((view, c) => view == new View(tensor.FirstPlane + c, 0)).All(same => same);
        if (!whole || tensor.Layer.Operation is not Convolution)
            throw new NotSupportedException($"{layer.Name}: batch norm is supported directly behind a convolution");
        tensor.Norm = layer;
        return [.. input.Select(view => Touch(view, _ => { }))];
    }

    /// <summary>Changes what is pending on a plane, which makes it a new version of the plane.</summary>
    private View Touch(View view, Action<Plane> change)
    {
        var plane = _planes[view.Plane];
        change(plane);
        return new View(view.Plane, ++plane.Version);
    }

    private void CheckVersions()
    {
        foreach (var plane in _planes)
        {
            foreach (var (step, version) in plane.Reads)
            {
                if (version != plane.Version)
                {
                    var (reader, read) = (_steps[step].Layer?.Name ?? "loss", _tensors[plane.Tensor].Layer.Name);
                    throw new NotSupportedException($"{reader}: reads {read} before batch norm or ReLU, which another layer reads after it");
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

    /// <summary>Walks backward and tells for each reader of a plane whether its gradient is the first, one of several, or the last to arrive.</summary>
    private void DecideArrivals()
    {
        var arrived = new int[_planes.Count];
        for (var s = _steps.Count - 1; s >= 0; s--)
        {
            for (var input = 0; input < _steps[s].Inputs.Length; input++)
            {
                for (var c = 0; c < _steps[s].Inputs[input].Length; c++)
                {
                    var p = _steps[s].Inputs[input][c];
                    var arrival = arrived[p]++ > 0 ? Arrival.Add : Arrival.First;
                    if (arrived[p] == _planes[p].Reads.Count)
                        arrival |= Arrival.Last;
                    _steps[s].Arrivals[input][c] = _tensors[_planes[p].Tensor].Step < 0 ? Arrival.Unwanted : arrival;
                }
            }
        }
    }

    /// <summary>
    /// The gradient of a sum is that of its addends. An addend read by nothing else, normalised and without ReLU, has it in common with the sum for good.
    /// The other addend, a shortcut, starts from it and takes in what else arrives: by then the first addend's layers are done with it.
    /// </summary>
    private void ShareGradients(ScheduledStep step)
    {
        var sum = step.Output!;
        for (var input = 0; input < 2; input++)
        {
            var (planes, others) = (step.Inputs[input], step.Inputs[1 - input]);
            var tensors = planes.Select(p => _tensors[_planes[p].Tensor]).Distinct().ToArray();
            var otherSteps = others.Select(p => _tensors[_planes[p].Tensor].Step).Distinct().ToArray();
            var whole = tensors.Sum(tensor => tensor.Channels) == planes.Length && planes.Distinct().Count() == planes.Length;
            if (!whole || tensors.Any(tensor => tensor.SharesGradient || tensor.Step < 0))
                continue;
            var isAddend = tensors is [{ Norm: not null }]
                && planes.All(p => _planes[p] is { Relu: false, Reads.Count: 1 }) && sum.Channels == planes.Length && _planes[sum.FirstPlane].Addend < 0;
            var isShortcut = planes.All(p => _planes[p].Reads.Count > 1 && _planes[p].Reads.All(read => read.Step == sum.Step || read.Step < otherSteps.Min()))
                && others.All(p => _planes[p].Reads.Count == 1);
            if (!isAddend && !isShortcut)
                continue;
            for (var c = 0; c < planes.Length; c++)
            {
                _planes[planes[c]].SumPlane = sum.FirstPlane + c;
                step.Arrivals[input][c] = Arrival.Shared;
                if (isAddend)
                    _planes[sum.FirstPlane + c].Addend = planes[c];
            }

            foreach (var tensor in tensors)
                tensor.SharesGradient = true;
            var root = TensorOf(GradientOf(sum.FirstPlane));
            root.GradientUntil = Math.Min(root.GradientUntil, tensors.Min(tensor => tensor.Step));
        }
    }

    private readonly record struct View(int Plane, int Version);

    private sealed class Plane
    {
        public int Tensor { get; init; }

        public bool Relu { get; set; }

        public float Ceiling { get; set; } = float.PositiveInfinity;

        public int Version { get; set; }

        /// <summary>The sum whose gradient is this plane's too.</summary>
        public int? SumPlane { get; set; }

        public int Addend { get; set; } = -1;

        public List<(int Step, int Version)> Reads { get; } = [];
    }
}
