using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Riffle.Simd;

/// <summary>AVX2: the 16 lanes in two vectors.</summary>
internal unsafe struct Vec256 : IVec<Vec256>
{
    private Vector256<float> _v;

    /// <summary>The vector itself, for the wider ones that are made of two.</summary>
    public readonly Vector256<float> Value => _v;

    public static int Count => Vector256<float>.Count;

    public static int Registers => Avx512F.VL.IsSupported ? 32 : 16;

    public static Vec256 Zero => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec256 Load(float* source) => new() { _v = Vector256.Load(source) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* target, Vec256 value) => value._v.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreNonTemporal(float* target, Vec256 value) => value._v.StoreAlignedNonTemporal(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec256 Broadcast(float value) => new() { _v = Vector256.Create(value) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec256 MultiplyAdd(Vec256 a, Vec256 b, Vec256 c) => new() { _v = Vector256.MultiplyAddEstimate(a._v, b._v, c._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Accumulate(ref Vec256 sum, Vec256 a, Vec256 b) => sum._v = Vector256.MultiplyAddEstimate(a._v, b._v, sum._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec256 operator +(Vec256 a, Vec256 b) => new() { _v = a._v + b._v };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec256 operator -(Vec256 a, Vec256 b) => new() { _v = a._v - b._v };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec256 operator *(Vec256 a, Vec256 b) => new() { _v = a._v * b._v };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec256 operator /(Vec256 a, Vec256 b) => new() { _v = a._v / b._v };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec256 Exp(Vec256 value) => new() { _v = Vector256.Exp(value._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec256 Max(Vec256 a, Vec256 b) => new() { _v = Vector256.MaxNative(a._v, b._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec256 Min(Vec256 a, Vec256 b) => new() { _v = Vector256.MinNative(a._v, b._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec256 WhereAtLeast(Vec256 a, Vec256 b, Vec256 yes, Vec256 no) =>
        new() { _v = Vector256.ConditionalSelect(Vector256.GreaterThanOrEqual(a._v, b._v), yes._v, no._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vec256 value) => Vector256.Sum(value._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vec256 Even, Vec256 Odd) Unzip(Vec256 a, Vec256 b)
    {
        if (Avx2.IsSupported)
        {
            // Within halves first; then the middle quarters change places.
            var (even, odd) = (Avx.Shuffle(a._v, b._v, 0b10_00_10_00), Avx.Shuffle(a._v, b._v, 0b11_01_11_01));
            return (Of(Avx2.Permute4x64(even.AsDouble(), 0b11_01_10_00).AsSingle()), Of(Avx2.Permute4x64(odd.AsDouble(), 0b11_01_10_00).AsSingle()));
        }

        var (evenA, oddA) = Vec128.Unzip(Vec128.Of(a._v.GetLower()), Vec128.Of(a._v.GetUpper()));
        var (evenB, oddB) = Vec128.Unzip(Vec128.Of(b._v.GetLower()), Vec128.Of(b._v.GetUpper()));
        return (Of(Vector256.Create(evenA.Value, evenB.Value)), Of(Vector256.Create(oddA.Value, oddB.Value)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sum4(Vec256 a, Vec256 b, Vec256 c, Vec256 d)
    {
        // Where 256 bits are accelerated by something else than AVX, the JIT takes the halves.
        if (!Avx.IsSupported)
            return Vec128.Sum4(Halves(a), Halves(b), Halves(c), Halves(d));
        var both = Avx.HorizontalAdd(Avx.HorizontalAdd(a._v, b._v), Avx.HorizontalAdd(c._v, d._v));
        return both.GetLower() + both.GetUpper();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec256 Of(Vector256<float> v) => new() { _v = v };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vec128 Halves(Vec256 v) => Vec128.Of(v._v.GetLower() + v._v.GetUpper());
}
