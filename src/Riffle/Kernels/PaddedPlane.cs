using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// A plane with a border of one position, in scratch, laid out so that a 3×3 window with a stride reads contiguous floats: [H + 2][phase][columns][16].
/// Column x is column x / stride of phase x mod stride; with stride 1 there is one phase and the layout is [H + 2][W + 2][16]. What the window's tap
/// (ky, kx) sees for a row of outputs is then one run of floats, which begins at <see cref="Tap"/>.
/// </summary>
internal readonly unsafe struct PaddedPlane(int height, int width, int stride)
{
    /// <summary>Floats of a row with its border.</summary>
    public int Row => stride * PhaseLength;

    /// <summary>Floats of the plane with its border.</summary>
    public long Size => (long)(height + 2) * Row;

    /// <summary>From what one row of outputs sees to what the next one sees.</summary>
    public int RowStep => stride * Row;

    private int PhaseLength => (width + 2 + stride - 1) / stride * Lanes.Count;

    /// <summary>Where tap k = 3·ky + kx of the first output lies.</summary>
    public int Tap(int k) => k / 3 * Row + Column(k % 3);

    /// <summary>Reads a plane, with what is pending on it, into the middle of the scratch.</summary>
    public void Read<TVec>(in Planes planes, in Block block, int plane, float* target, float border)
        where TVec : unmanaged, IVec<TVec>
    {
        FillBorder<TVec>(target, border);
        var length = width * Lanes.Count;
        for (var y = 0; y < height; y++)
        {
            var row = target + (long)(y + 1) * Row;
            if (stride == 1)
            {
                PlaneAccess.Read<TVec>(planes, block, plane, (long)y * length, length, row + Lanes.Count);
                continue;
            }

            var value = PlaneAccess.Reader<TVec>(planes, block, plane, (long)y * length);
            for (var phase = 0; phase < stride; phase++)
            {
                // The first column of the phase that is not the border, which is column 0 of the padded row.
                var x = phase == 0 ? stride - 1 : phase - 1;
                for (var to = row + Column(x + 1); x < width; x += stride, to += Lanes.Count)
                {
                    for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
                        TVec.Store(to + lane, value.At(x * Lanes.Count + lane));
                }
            }
        }
    }

    /// <summary>Reads the gradient by a plane into the middle of the scratch, with zeros around. Stride 1 only.</summary>
    public void ReadGradient<TVec>(in Planes planes, in Block block, int plane, float* target)
        where TVec : unmanaged, IVec<TVec>
    {
        FillBorder<TVec>(target, 0);
        var length = width * Lanes.Count;
        for (var y = 0; y < height; y++)
            PlaneAccess.ReadGradient<TVec>(planes, block, plane, (long)y * length, length, target + (long)(y + 1) * Row + Lanes.Count);
    }

    /// <summary>Sets everything to zero.</summary>
    public void Clear(float* target)
    {
        for (var y = 0; y < height + 2; y++)
            new Span<float>(target + (long)y * Row, Row).Clear();
    }

    /// <summary>Where column x of the padded row lies in the row.</summary>
    private int Column(int x) => x % stride * PhaseLength + x / stride * Lanes.Count;

    private void FillBorder<TVec>(float* target, float border)
        where TVec : unmanaged, IVec<TVec>
    {
        Fill<TVec>(target, Row, border);
        for (var y = 1; y <= height; y++)
        {
            var row = target + (long)y * Row;
            Fill<TVec>(row, Lanes.Count, border);

            // Behind the last column, up to the end of every phase.
            for (var x = width + 1; x < stride * (PhaseLength / Lanes.Count); x++)
                Fill<TVec>(row + Column(x), Lanes.Count, border);
        }

        Fill<TVec>(target + (long)(height + 1) * Row, Row, border);
    }

    private static void Fill<TVec>(float* target, int length, float value)
        where TVec : unmanaged, IVec<TVec>
    {
        var v = TVec.Broadcast(value);
        for (var i = 0; i < length; i += TVec.Count)
            TVec.Store(target + i, v);
    }
}
