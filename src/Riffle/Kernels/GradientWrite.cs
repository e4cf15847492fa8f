namespace Riffle.Kernels;

/// <summary>How a step writes its gradient with respect to a plane that it reads; decided when the network is compiled.</summary>
[Flags]
internal enum GradientWrite : byte
{
    /// <summary>The first of several: it is stored.</summary>
    Store = 0,

    /// <summary>Added to what is there.</summary>
    Accumulate = 1,

    /// <summary>No other follows: the clamp's mask is applied and batch norm's sums are gathered.</summary>
    Final = 2,

    /// <summary>Not needed: the plane belongs to the images.</summary>
    None = 4,

    /// <summary>Not needed, because it is there already: the plane shares the gradient of the sum it is added to.</summary>
    Shared = 8,

    /// <summary>With <see cref="Final"/>: stored around the caches, which would evict it before it is read.</summary>
    NonTemporal = 16,
}
