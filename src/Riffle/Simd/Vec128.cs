using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Riffle.Simd;

/// <summary>SSE and NEON: the 16 lanes in four vectors.</summary>
internal unsafe struct Vec128 : IVec<Vec128>
{
    private Vector128<float> _v;

    /// <summary>The vector itself, for the wider ones that are made of two.</summary>
    public readonly Vector128<float> Value => _v;

    public static int Count => Vector128<float>.Count;

    public static int Registers => AdvSimd.IsSupported || Avx512F.VL.IsSupported ? 32 : 16;

    public static Vec128 Zero => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 Load(float* source) => new() { _v = Vector128.Load(source) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* target, Vec128 value) => value._v.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreNonTemporal(float* target, Vec128 value) => value._v.StoreAlignedNonTemporal(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 Broadcast(float value) => new() { _v = Vector128.Create(value) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 MultiplyAdd(Vec128 a, Vec128 b, Vec128 c) => new() { _v = Vector128.MultiplyAddEstimate(a._v, b._v, c._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Accumulate(ref Vec128 sum, Vec128 a, Vec128 b) => sum._v = Vector128.MultiplyAddEstimate(a._v, b._v, sum._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 operator +(Vec128 a, Vec128 b) => new() { _v = a._v + b._v };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 operator -(Vec128 a, Vec128 b) => new() { _v = a._v - b._v };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 operator *(Vec128 a, Vec128 b) => new() { _v = a._v * b._v };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 operator /(Vec128 a, Vec128 b) => new() { _v = a._v / b._v };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 Exp(Vec128 value) => new() { _v = Vector128.Exp(value._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 Max(Vec128 a, Vec128 b) => new() { _v = Vector128.MaxNative(a._v, b._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 Min(Vec128 a, Vec128 b) => new() { _v = Vector128.MinNative(a._v, b._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 WhereAtLeast(Vec128 a, Vec128 b, Vec128 yes, Vec128 no) =>
        new() { _v = Vector128.ConditionalSelect(Vector128.GreaterThanOrEqual(a._v, b._v), yes._v, no._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vec128 value) => Vector128.Sum(value._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vec128 Even, Vec128 Odd) Unzip(Vec128 a, Vec128 b) =>
        Sse.IsSupported ? (Of(Sse.Shuffle(a._v, b._v, 0b10_00_10_00)), Of(Sse.Shuffle(a._v, b._v, 0b11_01_11_01)))
        : AdvSimd.Arm64.IsSupported ? (Of(AdvSimd.Arm64.UnzipEven(a._v, b._v)), Of(AdvSimd.Arm64.UnzipOdd(a._v, b._v)))
        : (Of(Vector128.Create(a._v[0], a._v[2], b._v[0], b._v[2])), Of(Vector128.Create(a._v[1], a._v[3], b._v[1], b._v[3])));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sum4(Vec128 a, Vec128 b, Vec128 c, Vec128 d) =>
        Sse3.IsSupported ? Sse3.HorizontalAdd(Sse3.HorizontalAdd(a._v, b._v), Sse3.HorizontalAdd(c._v, d._v))
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.AddPairwise(AdvSimd.Arm64.AddPairwise(a._v, b._v), AdvSimd.Arm64.AddPairwise(c._v, d._v))
        : Vector128.Create(Sum(a), Sum(b), Sum(c), Sum(d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec128 Of(Vector128<float> v) => new() { _v = v };
}
