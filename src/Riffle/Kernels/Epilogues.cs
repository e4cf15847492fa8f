using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>Where the rows of a product go, and what is done with them while they are in the L1 cache.</summary>
internal unsafe interface IEpilogue
{
    /// <summary>Whether rows begin at <see cref="Bias"/> instead of 0 and end at no less than <see cref="Low"/>.</summary>
    static abstract bool HasBias { get; }

    /// <summary>Whether rows with a bias end at <see cref="High"/> as well.</summary>
    static abstract bool HasHigh { get; }

    /// <summary>A number for each row; not read without <see cref="HasBias"/>.</summary>
    float* Bias { get; }

    /// <summary>What rows are cut off at below; not read without <see cref="HasBias"/>.</summary>
    float Low { get; }

    /// <summary>What they are cut off at above. Two numbers, not a <see cref="Clamp"/>: a structure of vectors in a tile costs it its registers.</summary>
    float High { get; }

    /// <summary>Distance between rows of the target.</summary>
    long Stride { get; }

    /// <summary>Where a row is written; those behind it in its tile follow by <see cref="Stride"/>.</summary>
    float* Target(int row);

    /// <summary>Called when so many rows from this one on are written.</summary>
    void Written(int row, int count);
}

/// <summary>Rows are parts of the output's planes; batch norm's sums are gathered from them.</summary>
internal readonly unsafe struct OutputPlanes<TVec>(Planes planes, Block block, int firstPlane, long start, int length, long planeSize, bool gatherSums)
    : IEpilogue
    where TVec : unmanaged, IVec<TVec>
{
    public static bool HasBias => false;

    public static bool HasHigh => false;

    public float* Bias => null;

    public float Low => 0;

    public float High => 0;

    public long Stride => planeSize;

    public float* Target(int row) => block.Data + planes.Offset[firstPlane + row] + start;

    public void Written(int row, int count)
    {
        for (var r = row; gatherSums && r < row + count; r++)
            PlaneAccess.GatherSums<TVec>(planes, block, firstPlane + r, start, length);
    }
}

/// <summary>Rows are gradients of parts of the input's planes: each tile is handed to them from the same small scratch.</summary>
internal readonly unsafe struct InputGradients<TVec>(
    Planes planes, Block block, int* input, GradientWrite* writes, long start, int length, float* scratch, long stride) : IEpilogue
    where TVec : unmanaged, IVec<TVec>
{
    public static bool HasBias => false;

    public static bool HasHigh => false;

    public float* Bias => null;

    public float Low => 0;

    public float High => 0;

    public long Stride => stride;

    public float* Target(int row) => scratch;

    public void Written(int row, int count)
    {
        for (var r = 0; r < count; r++)
            PlaneAccess.AddGradient<TVec>(planes, block, input[row + r], start, length, scratch + r * stride, writes[row + r]);
    }
}

/// <summary>Rows stay as they are, one behind the other.</summary>
internal readonly unsafe struct StoredRows(float* target, long stride) : IEpilogue
{
    public static bool HasBias => false;

    public static bool HasHigh => false;

    public float* Bias => null;

    public float Low => 0;

    public float High => 0;

    public long Stride => stride;

    public float* Target(int row) => target + row * stride;

    public void Written(int row, int count)
    {
    }
}

/// <summary>Rows are added to others that lie one behind the other; each tile comes from the same small scratch.</summary>
internal readonly unsafe struct AddedRows<TVec>(float* target, int stride, float* scratch) : IEpilogue
    where TVec : unmanaged, IVec<TVec>
{
    public static bool HasBias => false;

    public static bool HasHigh => false;

    public float* Bias => null;

    public float Low => 0;

    public float High => 0;

    public long Stride => stride;

    public float* Target(int row) => scratch;

    public void Written(int row, int count)
    {
        float* to = target + (long)row * stride, end = to + (long)count * stride;
        for (var from = scratch; to < end; to += TVec.Count, from += TVec.Count)
            TVec.Store(to, TVec.Load(to) + TVec.Load(from));
    }
}

/// <summary>Rows are parts of the output's planes as they stay: batch norm is folded into the weights and the bias, ReLU is a clamp.</summary>
internal readonly unsafe struct FinalPlanes<TBound>(float* target, long stride, float* bias, Clamp clamp) : IEpilogue
    where TBound : IUpperBound
{
    public static bool HasBias => true;

    public static bool HasHigh => TBound.IsThere;

    public float* Bias => bias;

    public float Low => clamp.Low;

    public float High => clamp.High;

    public long Stride => stride;

    public float* Target(int row) => target + row * stride;

    public void Written(int row, int count)
    {
    }
}

/// <summary>The same with a smooth activation of each row, which its tile has just written.</summary>
internal readonly unsafe struct ActivatedPlanes(FinalPlanes<Unbounded> planes, delegate*<float*, float*, int, void> function, int length) : IEpilogue
{
    private readonly delegate*<float*, float*, int, void> _function = function;

    public static bool HasBias => true;

    public static bool HasHigh => false;

    public float* Bias => planes.Bias;

    public float Low => planes.Low;

    public float High => planes.High;

    public long Stride => planes.Stride;

    public float* Target(int row) => planes.Target(row);

    public void Written(int row, int count)
    {
        for (var r = row; r < row + count; r++)
            _function(Target(r), Target(r), length);
    }
}

/// <summary>Products whose rows stay as they are written, by what their epilogue needs.</summary>
internal static unsafe class FinalPlanes
{
    /// <summary>rows = clamp(weights · x + bias), or function(weights · x + bias); see <see cref="MatrixProduct.Multiply"/>.</summary>
    public static void Multiply<TVec>(
        float* packed, int rows, int depth, in Rows x, int length,
        float* target, long stride, float* bias, Clamp clamp, delegate*<float*, float*, int, void> function, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        if (function != null)
            MatrixProduct.Multiply<TVec, ActivatedPlanes>(packed, rows, depth, x, length, new(new(target, stride, bias, Clamp.None), function, length), share);
        else if (clamp.IsBounded)
            MatrixProduct.Multiply<TVec, FinalPlanes<Bounded>>(packed, rows, depth, x, length, new(target, stride, bias, clamp), share);
        else
            MatrixProduct.Multiply<TVec, FinalPlanes<Unbounded>>(packed, rows, depth, x, length, new(target, stride, bias, clamp), share);
    }
}

/// <summary>The same with another value's planes added: the sum of a residual unit, where its branch ends in the product.</summary>
internal readonly unsafe struct FinalSums<TVec>(FinalPlanes<Unbounded> planes, Clamp clamp, float* data, long* addends, int length) : IEpilogue
    where TVec : unmanaged, IVec<TVec>
{
    public static bool HasBias => true;

    public static bool HasHigh => false;

    public float* Bias => planes.Bias;

    public float Low => planes.Low;

    public float High => planes.High;

    public long Stride => planes.Stride;

    public float* Target(int row) => planes.Target(row);

    public void Written(int row, int count)
    {
        TVec low = TVec.Broadcast(clamp.Low), high = TVec.Broadcast(clamp.High);
        for (var r = row; r < row + count; r++)
        {
            float* target = Target(r), addend = data + addends[r];
            for (var i = 0; i < length; i += TVec.Count)
                TVec.Store(target + i, TVec.Min(high, TVec.Max(low, TVec.Load(target + i) + TVec.Load(addend + i))));
        }
    }
}
