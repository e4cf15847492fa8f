using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>Where the rows of a product go, and what is done with them while they are in the L1 cache.</summary>
internal unsafe interface IRowSink
{
    /// <summary>Whether rows begin at <see cref="Bias"/> instead of 0 and end cut off by <see cref="Clamp"/>.</summary>
    static abstract bool HasBias { get; }

    /// <summary>A number for each row; not read without <see cref="HasBias"/>.</summary>
    float* Bias { get; }

    /// <summary>The same for all rows; not read without <see cref="HasBias"/>.</summary>
    Clamp Clamp { get; }

    /// <summary>Distance between rows of the target.</summary>
    long Stride { get; }

    /// <summary>Where a row is written; those behind it in its tile follow by <see cref="Stride"/>.</summary>
    float* Target(int row);

    /// <summary>Called when so many rows from this one on are written.</summary>
    void Written(int row, int count);
}

/// <summary>Rows are parts of the output's planes; batch norm's sums are gathered from them.</summary>
internal readonly unsafe struct OutputPlanes<TVec>(Planes planes, Block block, int firstPlane, long start, int length, long planeSize, bool gatherSums)
    : IRowSink
    where TVec : unmanaged, IVec<TVec>
{
    public static bool HasBias => false;

    public float* Bias => null;

    public Clamp Clamp => Clamp.None;

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
    Planes planes, Block block, int* input, Arrival* arrivals, long start, int length, float* scratch, long stride) : IRowSink
    where TVec : unmanaged, IVec<TVec>
{
    public static bool HasBias => false;

    public float* Bias => null;

    public Clamp Clamp => Clamp.None;

    public long Stride => stride;

    public float* Target(int row) => scratch;

    public void Written(int row, int count)
    {
        for (var r = 0; r < count; r++)
            PlaneAccess.AddGradient<TVec>(planes, block, input[row + r], start, length, scratch + r * stride, arrivals[row + r]);
    }
}

/// <summary>Rows are parts of the output's planes as they stay: batch norm is folded into the weights and the bias, ReLU is a clamp.</summary>
internal readonly unsafe struct FinalPlanes(float* target, long stride, float* bias, Clamp clamp) : IRowSink
{
    public static bool HasBias => true;

    public float* Bias => bias;

    public Clamp Clamp => clamp;

    public long Stride => stride;

    public float* Target(int row) => target + row * stride;

    public void Written(int row, int count)
    {
    }
}

/// <summary>The same with another value's planes added: the sum of a residual unit, where its branch ends in the product.</summary>
internal readonly unsafe struct FinalSums<TVec>(FinalPlanes planes, Clamp clamp, float* data, long* addends, int length) : IRowSink
    where TVec : unmanaged, IVec<TVec>
{
    public static bool HasBias => true;

    public float* Bias => planes.Bias;

    public Clamp Clamp => planes.Clamp;

    public long Stride => planes.Stride;

    public float* Target(int row) => planes.Target(row);

    public void Written(int row, int count)
    {
        var range = clamp.For<TVec>();
        for (var r = row; r < row + count; r++)
        {
            float* target = Target(r), addend = data + addends[r];
            for (var i = 0; i < length; i += TVec.Count)
                TVec.Store(target + i, range.Apply(TVec.Load(target + i) + TVec.Load(addend + i)));
        }
    }
}
