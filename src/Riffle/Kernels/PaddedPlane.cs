using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// A plane with a border of one position, in scratch, laid out so that a 3×3 window with a stride reads contiguous floats: [H + 2][phase][columns][L].
/// Column x is column x / stride of phase x mod stride; with stride 1 there is one phase and the layout is [H + 2][W + 2][L]. What the window's tap
/// (ky, kx) sees for a row of outputs is then one run of floats, which begins at <see cref="Tap"/>.
/// </summary>
/// <remarks>With L = 1 a row need not be a whole number of vectors: the last one of a run reaches into the slack behind it.</remarks>
internal readonly unsafe struct PaddedPlane(int height, int width, int stride, int lanes)
{
    /// <summary>Floats of a row with its border.</summary>
    public int Row => stride * PhaseLength;

    /// <summary>Floats of the plane with its border.</summary>
    public long Size => (long)(height + 2) * Row;

    /// <summary>From what one row of outputs sees to what the next one sees.</summary>
    public int RowStep => stride * Row;

    private int Columns => (width + 2 + stride - 1) / stride;

    private int PhaseLength => Columns * lanes + Slack(lanes);

    /// <summary>Floats behind a run that its last vector may reach into: none where runs are whole vectors.</summary>
    public static int Slack(int lanes) => lanes == 1 ? Lanes.Count : 0;

    /// <summary>Where tap k = 3·ky + kx of the first output lies.</summary>
    public int Tap(int k) => k / 3 * Row + Column(k % 3);

    /// <summary>Reads a plane into the middle of the scratch.</summary>
    public void Read<TVec, TReader>(TReader plane, float* target, float border)
        where TVec : unmanaged, IVec<TVec>
        where TReader : struct, IPlaneReader<TVec>
    {
        new Span<float>(target, Row).Fill(border);
        for (var y = 0; y < height; y++)
        {
            var row = target + (long)(y + 1) * Row;
            var from = (long)y * width * lanes;
            if (stride == 1)
            {
                for (var i = 0; i < width * lanes; i += TVec.Count)
                    TVec.Store(row + lanes + i, plane.At(from + i));
            }
            else if (lanes == 1)
            {
                // Column 0 is the border, so the even columns of the plane are the odd phase.
                float* even = row + Column(1), odd = row + Column(2);
                for (var x = 0; x < width; x += 2 * TVec.Count, even += TVec.Count, odd += TVec.Count)
                {
                    var (evens, odds) = TVec.Unzip(plane.At(from + x), plane.At(from + x + TVec.Count));
                    TVec.Store(even, evens);
                    TVec.Store(odd, odds);
                }
            }
            else
            {
                for (var phase = 0; phase < stride; phase++)
                {
                    // The first column of the phase that is not the border.
                    var x = phase == 0 ? stride - 1 : phase - 1;
                    for (var to = row + Column(x + 1); x < width; x += stride, to += lanes)
                    {
                        for (var lane = 0; lane < lanes; lane += TVec.Count)
                            TVec.Store(to + lane, plane.At(from + x * lanes + lane));
                    }
                }
            }

            FillBorders(row, border);
        }

        new Span<float>(target + (long)(height + 1) * Row, Row).Fill(border);
    }

    /// <summary>Reads the gradient by a plane into the middle of the scratch, with zeros around. Stride 1 and 16 lanes only.</summary>
    public void ReadGradient<TVec>(in Planes planes, in Block block, int plane, float* target)
        where TVec : unmanaged, IVec<TVec>
    {
        new Span<float>(target, Row).Clear();
        var length = width * lanes;
        for (var y = 0; y < height; y++)
        {
            var row = target + (long)(y + 1) * Row;
            PlaneAccess.ReadGradient<TVec>(planes, block, plane, (long)y * length, length, row + lanes);
            FillBorders(row, 0);
        }

        new Span<float>(target + (long)(height + 1) * Row, Row).Clear();
    }

    /// <summary>Sets everything to zero.</summary>
    public void Clear(float* target)
    {
        for (var y = 0; y < height + 2; y++)
            new Span<float>(target + (long)y * Row, Row).Clear();
    }

    /// <summary>Where column x of the padded row lies in the row.</summary>
    private int Column(int x) => x % stride * PhaseLength + x / stride * lanes;

    /// <summary>The column before the plane's, and those behind up to the end of every phase.</summary>
    private void FillBorders(float* row, float border)
    {
        new Span<float>(row, lanes).Fill(border);
        for (var x = width + 1; x < stride * Columns; x++)
            new Span<float>(row + Column(x), lanes).Fill(border);
    }
}
