using Riffle.Kernels;
using Riffle.Networks;

namespace Riffle.Execution;

/// <summary>
/// How gradients go back through a lowered network: what each reader's gradient means for a plane, which planes share the gradient of a sum, and until when a
/// gradient is needed.
/// </summary>
internal sealed class GradientFlow
{
    private readonly LoweredNetwork _network;
    private readonly GradientWrite[][][] _writes;
    private readonly int?[] _sumOf;
    private readonly int[] _addendOf;
    private readonly Dictionary<LoweredTensor, int> _until;
    private readonly HashSet<LoweredTensor> _sharing = [];

    public GradientFlow(LoweredNetwork network)
    {
        _network = network;
        _writes = [.. network.Steps.Select(step => step.Inputs.Select(input => new GradientWrite[input.Length]).ToArray())];
        _sumOf = new int?[network.PlaneCount];
        _addendOf = [.. Enumerable.Repeat(-1, network.PlaneCount)];
        _until = network.Tensors.ToDictionary(tensor => tensor, tensor => tensor.Step);
        DecideWrites();
        foreach (var step in network.Steps.Where(step => step.Primitive is Sum).Reverse())
            ShareGradient(step);
    }

    /// <summary>For each plane that a step reads what this step's gradient means for it.</summary>
    public GradientWrite[] WritesOf(LoweredStep step, int input) => _writes[step.Index][input];

    /// <summary>Whether a tensor's planes' gradients are those of sums they are added to, in the same memory.</summary>
    public bool IsShared(LoweredTensor tensor) => _sharing.Contains(tensor);

    /// <summary>The step whose backward is the last to need a tensor's gradient: its own, or that of a tensor that shares it.</summary>
    public int NeededUntil(LoweredTensor tensor) => _until[tensor];

    /// <summary>The plane whose gradient's memory a plane uses: its own, or that of the last of the sums it goes through.</summary>
    public int GradientOf(int plane) => _sumOf[plane] is { } sum ? GradientOf(sum) : plane;

    /// <summary>The normalised plane that shares the gradient of this one, a sum; −1 without.</summary>
    public int AddendOf(int plane) => _addendOf[plane];

    /// <summary>Walks backward and decides for each reader of a plane whether its gradient is the first, one of several, or the last.</summary>
    private void DecideWrites()
    {
        var readers = Enumerable.Range(0, _network.PlaneCount).Select(plane => _network.ReadersOf(plane).Count()).ToArray();
        var arrived = new int[_network.PlaneCount];
        foreach (var step in _network.Steps.Reverse())
        {
            for (var input = 0; input < step.Inputs.Length; input++)
            {
                for (var c = 0; c < step.Inputs[input].Length; c++)
                {
                    var p = step.Inputs[input][c];
                    var write = arrived[p]++ > 0 ? GradientWrite.Accumulate : GradientWrite.Store;
                    if (arrived[p] == readers[p])
                        write |= GradientWrite.Final;
                    _writes[step.Index][input][c] = _network.TensorOf(p).Step < 0 ? GradientWrite.None : write;
                }
            }
        }
    }

    /// <summary>
    /// The gradient of a sum is that of its addends. An addend read by nothing else, normalised and without ReLU, has it in common with the sum for good.
    /// The other addend, a shortcut, starts from it and accumulates the others: by then the first addend's layers are done with it.
    /// </summary>
    private void ShareGradient(LoweredStep step)
    {
        var sum = step.Output!;
        for (var input = 0; input < 2; input++)
        {
            var (planes, others) = (step.Inputs[input], step.Inputs[1 - input]);
            var tensors = planes.Select(_network.TensorOf).Distinct().ToArray();
            var otherSteps = others.Select(p => _network.TensorOf(p).Step).Distinct().ToArray();
            var isWhole = tensors.Sum(tensor => tensor.Channels) == planes.Length && planes.Distinct().Count() == planes.Length;
            if (!isWhole || tensors.Any(tensor => IsShared(tensor) || tensor.Step < 0))
                continue;
            bool IsReadOnce(int plane) => _network.ReadersOf(plane).Count() == 1;
            var isAddend = tensors is [{ Norm: not null }]
                && planes.All(p => !_network.IsClamped(p) && IsReadOnce(p)) && sum.Channels == planes.Length && _addendOf[sum.FirstPlane] < 0;
            var isShortcut = others.All(IsReadOnce)
                && planes.All(p => !IsReadOnce(p) && _network.ReadersOf(p).All(reader => reader == sum.Step || reader < otherSteps.Min()));
            if (!isAddend && !isShortcut)
                continue;
            for (var c = 0; c < planes.Length; c++)
            {
                _sumOf[planes[c]] = sum.FirstPlane + c;
                _writes[step.Index][input][c] = GradientWrite.Shared;
                if (isAddend)
                    _addendOf[sum.FirstPlane + c] = planes[c];
            }

            _sharing.UnionWith(tensors);
            var root = _network.TensorOf(GradientOf(sum.FirstPlane));
            _until[root] = Math.Min(_until[root], tensors.Min(tensor => tensor.Step));
        }
    }
}
