using System.Runtime.CompilerServices;
using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>A smooth function of one value, and its derivative.</summary>
internal interface IFunction<TVec>
    where TVec : unmanaged, IVec<TVec>
{
    static abstract TVec Value(TVec x);

    static abstract TVec Slope(TVec x);
}

/// <summary>min(max(x / 6 + 1/2, 0), 1); its slope is 0 at both ends, as PyTorch has it.</summary>
internal readonly struct HardSigmoid<TVec> : IFunction<TVec>
    where TVec : unmanaged, IVec<TVec>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVec Value(TVec x) =>
        TVec.Min(TVec.Broadcast(1), TVec.Max(TVec.Zero, TVec.MultiplyAdd(x, TVec.Broadcast(1f / 6), TVec.Broadcast(0.5f))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVec Slope(TVec x) => TVec.WhereAtLeast(
        TVec.Broadcast(-3), x, TVec.Zero, TVec.WhereAtLeast(x, TVec.Broadcast(3), TVec.Zero, TVec.Broadcast(1f / 6)));
}

/// <summary>x · min(max(x / 6 + 1/2, 0), 1).</summary>
internal readonly struct HardSwish<TVec> : IFunction<TVec>
    where TVec : unmanaged, IVec<TVec>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVec Value(TVec x) => x * HardSigmoid<TVec>.Value(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVec Slope(TVec x) => TVec.WhereAtLeast(
        TVec.Broadcast(-3), x, TVec.Zero,
        TVec.WhereAtLeast(x, TVec.Broadcast(3), TVec.Broadcast(1), TVec.MultiplyAdd(x, TVec.Broadcast(1f / 3), TVec.Broadcast(0.5f))));
}

/// <summary>1 / (1 + e⁻ˣ).</summary>
internal readonly struct Sigmoid<TVec> : IFunction<TVec>
    where TVec : unmanaged, IVec<TVec>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVec Value(TVec x) => TVec.Broadcast(1) / (TVec.Broadcast(1) + TVec.Exp(TVec.Zero - x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVec Slope(TVec x)
    {
        var value = Value(x);
        return value * (TVec.Broadcast(1) - value);
    }
}

/// <summary>x / (1 + e⁻ˣ).</summary>
internal readonly struct Silu<TVec> : IFunction<TVec>
    where TVec : unmanaged, IVec<TVec>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVec Value(TVec x) => x * Sigmoid<TVec>.Value(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVec Slope(TVec x)
    {
        var value = Sigmoid<TVec>.Value(x);
        return TVec.MultiplyAdd(x * value, TVec.Broadcast(1) - value, value);
    }
}
