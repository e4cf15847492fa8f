using System.Runtime.CompilerServices;
using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>The range that values are cut off at: 0 to ∞ for ReLU, 0 to 6 for ReLU6, −∞ to ∞ for neither.</summary>
internal readonly record struct Clamp(float Low, float High)
{
    /// <summary>All values stay as they are.</summary>
    public static Clamp None => new(float.NegativeInfinity, float.PositiveInfinity);

    /// <summary>min(max(value, low), high); what is not a number stays so.</summary>
    public float Apply(float value) => value < Low ? Low : value > High ? High : value;

    /// <summary>Whether it cuts off above.</summary>
    public bool IsBounded => !float.IsPositiveInfinity(High);

    /// <summary>The same for vectors.</summary>
    public Clamp<TVec> For<TVec>()
        where TVec : unmanaged, IVec<TVec> => new(TVec.Broadcast(Low), TVec.Broadcast(High));
}

/// <summary>
/// Whether a product's values are cut off above, as a type: most are not, and to compare each with ∞ costs a short product a few percent.
/// </summary>
internal interface IUpperBound
{
    static abstract bool IsThere { get; }
}

internal readonly struct Unbounded : IUpperBound
{
    public static bool IsThere => false;
}

internal readonly struct Bounded : IUpperBound
{
    public static bool IsThere => true;
}

/// <summary>A clamp in registers.</summary>
internal readonly struct Clamp<TVec>(TVec low, TVec high)
    where TVec : unmanaged, IVec<TVec>
{
    /// <summary>min(max(value, low), high).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVec Apply(TVec value) => TVec.Min(high, TVec.Max(low, value));

    /// <summary>The gradient where the value lies within the range, else 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVec Mask(TVec value, TVec gradient) =>
        TVec.WhereAtLeast(value, high, TVec.Zero, TVec.WhereAtLeast(low, value, TVec.Zero, gradient));
}
