using System.Runtime.Intrinsics;

namespace Riffle.Simd;

/// <summary>
/// A vector of floats of some width. Kernels are written once over <typeparamref name="TSelf"/>; the JIT compiles them for each width.
/// </summary>
/// <remarks>
/// Kept deliberately small. Accumulators belong in named locals: in arrays, inline arrays or behind calls they leave the registers.
/// </remarks>
internal unsafe interface IVec<TSelf>
    where TSelf : unmanaged, IVec<TSelf>
{
    /// <summary>Floats in the vector: 16, 8, 4 or 1. It always divides <see cref="Lanes.Count"/>.</summary>
    static abstract int Count { get; }

    /// <summary>Vectors that fit the machine's registers: 32 or 16. Kernels cut their tiles by it.</summary>
    static abstract int Registers { get; }

    static abstract TSelf Zero { get; }

    static abstract TSelf Load(float* source);

    static abstract void Store(float* target, TSelf value);

    /// <summary>Non-temporal store, around the caches, at a multiple of the vector's size. A plain store first reads the line that it overwrites.</summary>
    static abstract void StoreNonTemporal(float* target, TSelf value);

    static abstract TSelf Broadcast(float value);

    /// <summary>a · b + c, fused where the hardware fuses.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    /// <summary>sum += a · b: the same, but the JIT sees that the sum stays where it is, and saves a move.</summary>
    static abstract void Accumulate(ref TSelf sum, TSelf a, TSelf b);

    static abstract TSelf operator +(TSelf a, TSelf b);

    static abstract TSelf operator -(TSelf a, TSelf b);

    static abstract TSelf operator *(TSelf a, TSelf b);

    static abstract TSelf operator /(TSelf a, TSelf b);

    /// <summary>eˣ.</summary>
    static abstract TSelf Exp(TSelf value);

    /// <summary>The larger of two; b where one of them is not a number.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    /// <summary>The smaller of two; b where one of them is not a number.</summary>
    static abstract TSelf Min(TSelf a, TSelf b);

    /// <summary>Float by float: a ≥ b ? yes : no.</summary>
    static abstract TSelf WhereAtLeast(TSelf a, TSelf b, TSelf yes, TSelf no);

    /// <summary>Sum of all floats of the vector.</summary>
    static abstract float Sum(TSelf value);

    /// <summary>The sums of four vectors.</summary>
    static abstract Vector128<float> Sum4(TSelf a, TSelf b, TSelf c, TSelf d);

    /// <summary>Every second float of a and then b, from the first on and from the second on.</summary>
    static abstract (TSelf Even, TSelf Odd) Unzip(TSelf a, TSelf b);
}
