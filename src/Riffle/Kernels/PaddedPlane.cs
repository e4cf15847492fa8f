using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// A plane with a border of one position, in scratch, laid out so that a 3×3 window with stride 1 or 2 reads contiguous floats: [H + 2][phase][columns][L].
/// Column x is column x / stride of phase x mod stride; with stride 1 there is one phase and the layout is [H + 2][W + 2][L]. What the window's tap
/// (ky, kx) sees for a row of outputs is then one run of floats, which begins at <see cref="Tap"/>.
/// </summary>
/// <remarks>With L = 1 a row need not be a whole number of vectors: the last one of a run reaches into the slack behind it.</remarks>
internal readonly unsafe struct PaddedPlane
{
    private readonly int _height;
    private readonly int _width;
    private readonly int _stride;
    private readonly int _lanes;
    private readonly int _phase;

    /// <summary>A layout; divisions are done here, not by each plane.</summary>
    public PaddedPlane(int height, int width, int stride, int lanes)
    {
        (_height, _width, _stride, _lanes) = (height, width, stride, lanes);
        _phase = (width + 2 + stride - 1) / stride * lanes + (lanes == 1 ? Lanes.Count : 0);
        Row = stride * _phase;
        (Middle, Right, Behind) = (Column(1), Column(2), Column(width + 1));
    }

    /// <summary>Floats of a row with its border.</summary>
    public int Row { get; }

    /// <summary>Where the window's middle column lies in a row; its left one is at 0.</summary>
    public int Middle { get; }

    /// <summary>Where the window's right column lies in a row.</summary>
    public int Right { get; }

    /// <summary>Floats of the plane with its border.</summary>
    public long Size => (long)(_height + 2) * Row;

    /// <summary>From what one row of outputs sees to what the next one sees.</summary>
    public int RowStep => _stride * Row;

    /// <summary>Where the border behind a row's last column lies.</summary>
    private int Behind { get; }

    /// <summary>Where tap k = 3·ky + kx of the first output lies.</summary>
    public int Tap(int k) => k / 3 * Row + Column(k % 3);

    /// <summary>
    /// Fills everything with the border's value. Once for all planes that are then read into the same scratch: reading leaves the border as it is.
    /// </summary>
    public void Prepare(float* target, float border)
    {
        for (var y = 0; y < _height + 2; y++)
            new Span<float>(target + (long)y * Row, Row).Fill(border);
    }

    /// <summary>Reads a plane into the middle of the scratch.</summary>
    public void Read<TVec, TReader>(TReader plane, float* target, float border)
        where TVec : unmanaged, IVec<TVec>
        where TReader : struct, IPlaneReader<TVec>
    {
        target += Row;
        long from = 0;
        for (var y = 0; y < _height; y++, target += Row, from += _width * _lanes)
        {
            if (_stride == 1)
            {
                for (var i = 0; i < _width * _lanes; i += TVec.Count)
                    TVec.Store(target + _lanes + i, plane.At(from + i));
            }
            else if (_lanes == 1)
            {
                // Column 0 is the border, so the even columns of the plane are the odd phase.
                float* even = target + Middle, odd = target + Right;
                for (var x = 0; x < _width; x += 2 * TVec.Count, even += TVec.Count, odd += TVec.Count)
                {
                    var (evens, odds) = TVec.Unzip(plane.At(from + x), plane.At(from + x + TVec.Count));
                    TVec.Store(even, evens);
                    TVec.Store(odd, odds);
                }
            }
            else
            {
                for (var phase = 0; phase < _stride; phase++)
                {
                    // The first column of the phase that is not the border.
                    var x = phase == 0 ? _stride - 1 : phase - 1;
                    for (var to = target + Column(x + 1); x < _width; x += _stride, to += _lanes)
                    {
                        for (var lane = 0; lane < _lanes; lane += TVec.Count)
                            TVec.Store(to + lane, plane.At(from + x * _lanes + lane));
                    }
                }
            }

            // The last vector of a row of single images has reached over the border behind it.
            if (_lanes == 1)
                TVec.Store(target + Behind, TVec.Broadcast(border));
        }
    }

    /// <summary>Reads the gradient by a plane into the middle of the scratch, which is prepared with zeros. Stride 1 and 16 lanes only.</summary>
    public void ReadGradient<TVec>(in Planes planes, in Block block, int plane, float* target)
        where TVec : unmanaged, IVec<TVec>
    {
        var length = _width * _lanes;
        for (var y = 0; y < _height; y++)
            PlaneAccess.ReadGradient<TVec>(planes, block, plane, (long)y * length, length, target + (long)(y + 1) * Row + _lanes);
    }

    /// <summary>Where column x of the padded row lies in the row.</summary>
    private int Column(int x) => x % _stride * _phase + x / _stride * _lanes;
}
