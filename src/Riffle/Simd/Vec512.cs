using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Riffle.Simd;

/// <summary>AVX-512: all 16 lanes in one vector.</summary>
internal unsafe struct Vec512 : IVec<Vec512>
{
    private Vector512<float> _v;

    public static int Count => Vector512<float>.Count;

    public static int Registers => 32;

    public static Vec512 Zero => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec512 Load(float* source) => new() { _v = Vector512.Load(source) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* target, Vec512 value) => value._v.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreNonTemporal(float* target, Vec512 value) => value._v.StoreAlignedNonTemporal(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec512 Broadcast(float value) => new() { _v = Vector512.Create(value) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec512 MultiplyAdd(Vec512 a, Vec512 b, Vec512 c) => new() { _v = Vector512.MultiplyAddEstimate(a._v, b._v, c._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Accumulate(ref Vec512 sum, Vec512 a, Vec512 b) => sum._v = Vector512.MultiplyAddEstimate(a._v, b._v, sum._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec512 operator +(Vec512 a, Vec512 b) => new() { _v = a._v + b._v };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec512 operator -(Vec512 a, Vec512 b) => new() { _v = a._v - b._v };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec512 operator *(Vec512 a, Vec512 b) => new() { _v = a._v * b._v };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec512 operator /(Vec512 a, Vec512 b) => new() { _v = a._v / b._v };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec512 Exp(Vec512 value) => new() { _v = Vector512.Exp(value._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec512 Max(Vec512 a, Vec512 b) => new() { _v = Vector512.MaxNative(a._v, b._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec512 Min(Vec512 a, Vec512 b) => new() { _v = Vector512.MinNative(a._v, b._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec512 WhereAtLeast(Vec512 a, Vec512 b, Vec512 yes, Vec512 no) =>
        new() { _v = Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(a._v, b._v), yes._v, no._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vec512 value) => Vector512.Sum(value._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vec512 Even, Vec512 Odd) Unzip(Vec512 a, Vec512 b)
    {
        if (Avx512F.IsSupported)
        {
            var even = Vector512.Create(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
            var odd = even + Vector512<int>.One;
            return (new() { _v = Avx512F.PermuteVar16x32x2(a._v, even, b._v) }, new() { _v = Avx512F.PermuteVar16x32x2(a._v, odd, b._v) });
        }

        var (evenA, oddA) = Vec256.Unzip(Vec256.Of(a._v.GetLower()), Vec256.Of(a._v.GetUpper()));
        var (evenB, oddB) = Vec256.Unzip(Vec256.Of(b._v.GetLower()), Vec256.Of(b._v.GetUpper()));
        return (new() { _v = Vector512.Create(evenA.Value, evenB.Value) }, new() { _v = Vector512.Create(oddA.Value, oddB.Value) });
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sum4(Vec512 a, Vec512 b, Vec512 c, Vec512 d)
    {
        // Where 512 bits are accelerated by something else than AVX-512, the JIT takes the halves.
        if (!Avx512F.IsSupported)
            return Vec256.Sum4(Halves(a), Halves(b), Halves(c), Halves(d));
        var ab = (Avx512F.UnpackLow(a._v, b._v) + Avx512F.UnpackHigh(a._v, b._v)).AsDouble();
        var cd = (Avx512F.UnpackLow(c._v, d._v) + Avx512F.UnpackHigh(c._v, d._v)).AsDouble();
        var quarters = Avx512F.UnpackLow(ab, cd).AsSingle() + Avx512F.UnpackHigh(ab, cd).AsSingle();
        var halves = quarters.GetLower() + quarters.GetUpper();
        return halves.GetLower() + halves.GetUpper();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vec256 Halves(Vec512 v) => Vec256.Of(v._v.GetLower() + v._v.GetUpper());
}
