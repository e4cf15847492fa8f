using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Riffle.Simd;

/// <summary>One float: where nothing is accelerated, and a check on the wider vectors everywhere.</summary>
internal unsafe struct VecScalar : IVec<VecScalar>
{
    private float _v;

    public static int Count => 1;

    public static int Registers => 16;

    public static VecScalar Zero => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static VecScalar Load(float* source) => new() { _v = *source };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* target, VecScalar value) => *target = value._v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreNonTemporal(float* target, VecScalar value) => Store(target, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static VecScalar Broadcast(float value) => new() { _v = value };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static VecScalar MultiplyAdd(VecScalar a, VecScalar b, VecScalar c) => new() { _v = float.MultiplyAddEstimate(a._v, b._v, c._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Accumulate(ref VecScalar sum, VecScalar a, VecScalar b) => sum._v = float.MultiplyAddEstimate(a._v, b._v, sum._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static VecScalar operator +(VecScalar a, VecScalar b) => new() { _v = a._v + b._v };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static VecScalar operator -(VecScalar a, VecScalar b) => new() { _v = a._v - b._v };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static VecScalar operator *(VecScalar a, VecScalar b) => new() { _v = a._v * b._v };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static VecScalar operator /(VecScalar a, VecScalar b) => new() { _v = a._v / b._v };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static VecScalar Exp(VecScalar value) => new() { _v = (float)PortableMath.Exp(value._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static VecScalar Max(VecScalar a, VecScalar b) => new() { _v = float.MaxNative(a._v, b._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static VecScalar Min(VecScalar a, VecScalar b) => new() { _v = float.MinNative(a._v, b._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static VecScalar WhereAtLeast(VecScalar a, VecScalar b, VecScalar yes, VecScalar no) => a._v >= b._v ? yes : no;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(VecScalar value) => value._v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (VecScalar Even, VecScalar Odd) Unzip(VecScalar a, VecScalar b) => (a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sum4(VecScalar a, VecScalar b, VecScalar c, VecScalar d) =>
        Vector128.Create(a._v, b._v, c._v, d._v);
}
