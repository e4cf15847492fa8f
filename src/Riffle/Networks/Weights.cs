using System.Runtime.InteropServices;

namespace Riffle.Networks;

/// <summary>The values of a network's parameters: one contiguous array of trained values, one of running statistics, each in the order of the network's
/// parameters.</summary>
public sealed class Weights
{
    private readonly float[] _trained;
    private readonly float[] _running;
    private readonly Dictionary<string, Place> _places = [];

    /// <summary>Zero kernels and biases; batch norm as the identity (weight 1, bias 0, running mean 0, running variance 1).</summary>
    public Weights(Network network)
    {
        Network = network;
        int trained = 0, running = 0;
        foreach (var p in network.Parameters)
        {
            ref var end = ref p.IsTrained ? ref trained : ref running;
            _places.Add(p.Name, new(p.IsTrained, end, p.Count));
            end = checked(end + p.Count);
        }

        _trained = GC.AllocateArray<float>(trained, pinned: true);
        _running = GC.AllocateArray<float>(running, pinned: true);
        foreach (var p in network.Parameters)
        {
            if (p.Kind is ParameterKind.NormWeight or ParameterKind.RunningVariance)
                this[p.Name].Fill(1);
        }
    }

    /// <summary>The network the values belong to.</summary>
    public Network Network { get; }

    /// <summary>All trained values: kernels, batch norm weights and biases, the classifier's bias. The memory never moves.</summary>
    public Span<float> Trained => _trained;

    /// <summary>All running means and variances. The memory never moves.</summary>
    public Span<float> Running => _running;

    /// <summary>The values of one parameter, in row-major order of its shape.</summary>
    /// <exception cref="KeyNotFoundException">The network has no parameter of that name.</exception>
    public Span<float> this[string name]
    {
        get
        {
            var (trained, offset, count) = _places[name];
            return (trained ? _trained : _running).AsSpan(offset, count);
        }
    }

    /// <summary>Where a parameter begins in <see cref="Trained"/> or, for running statistics, in <see cref="Running"/>.</summary>
    public int OffsetOf(Parameter parameter) => _places[parameter.Name].Offset;

    internal unsafe float* TrainedPointer => (float*)Marshal.UnsafeAddrOfPinnedArrayElement(_trained, 0);

    internal unsafe float* RunningPointer => (float*)Marshal.UnsafeAddrOfPinnedArrayElement(_running, 0);

    /// <summary>Where a parameter's values are.</summary>
    private sealed record Place(bool Trained, int Offset, int Count);
}
