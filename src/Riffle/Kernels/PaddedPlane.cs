using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// A plane with a border, in scratch, laid out so that a window reads contiguous floats whatever its stride: [top + H + bottom][phase][columns][L].
/// Column x is column x / stride of phase x mod stride; with stride 1 there is one phase and the layout is [top + H + bottom][left + W + right][L]. What a tap
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
    private readonly Border _border;
    private readonly int _first;
    private readonly int _second;
    private readonly int _behind;

    /// <summary>A layout; divisions are done here, not by each plane.</summary>
    public PaddedPlane(int height, int width, int stride, int lanes, Border border)
    {
        (_height, _width, _stride, _lanes, _border) = (height, width, stride, lanes, border);
        _phase = (border.Left + width + border.Right + stride - 1) / stride * lanes + (lanes == 1 ? Contract.Slack : 0);
        Row = stride * _phase;
        (Middle, Right) = (Column(1), Column(2));
        (_first, _second, _behind) = (Column(border.Left), Column(border.Left + 1), Column(border.Left + width));
    }

    /// <summary>Floats of a row with its border.</summary>
    public int Row { get; }

    /// <summary>Where the middle column of a 3×3 window lies in a row; its left one is at 0.</summary>
    public int Middle { get; }

    /// <summary>Where the right column of a 3×3 window lies in a row.</summary>
    public int Right { get; }

    /// <summary>Floats of the plane with its border.</summary>
    public long Size => (long)Rows * Row;

    /// <summary>From what one row of outputs sees to what the next one sees.</summary>
    public int RowStep => _stride * Row;

    private int Rows => _border.Top + _height + _border.Bottom;

    /// <summary>Where what tap (ky, kx) of the first output sees lies.</summary>
    public int Tap(int ky, int kx) => ky * Row + Column(kx);

    /// <summary>
    /// Fills everything with the border's value. Once for all planes that are then read into the same scratch: reading leaves the border as it is.
    /// </summary>
    public void Prepare(float* target, float border)
    {
        for (var y = 0; y < Rows; y++)
            new Span<float>(target + (long)y * Row, Row).Fill(border);
    }

    /// <summary>Reads a plane into the middle of the scratch.</summary>
    public void Read<TVec, TReader>(TReader plane, float* target, float border)
        where TVec : unmanaged, IVec<TVec>
        where TReader : struct, IPlaneReader<TVec>
    {
        target += (long)_border.Top * Row;
        long from = 0;
        for (var y = 0; y < _height; y++, target += Row, from += _width * _lanes)
        {
            if (_stride == 1)
            {
                for (var i = 0; i < _width * _lanes; i += TVec.Count)
                    TVec.Store(target + _first + i, plane.At(from + i));
            }
            else if (_lanes == 1 && _stride == 2)
            {
                float* even = target + _first, odd = target + _second;
                for (var x = 0; x < _width; x += 2 * TVec.Count, even += TVec.Count, odd += TVec.Count)
                {
                    var (evens, odds) = TVec.Unzip(plane.At(from + x), plane.At(from + x + TVec.Count));
                    TVec.Store(even, evens);
                    TVec.Store(odd, odds);
                }
            }
            else
            {
                for (var first = 0; first < _stride; first++)
                {
                    // Columns that are a stride apart lie side by side. A vector that is wider than one image's value reaches into those that follow.
                    var to = target + Column(_border.Left + first);
                    for (var x = first; x < _width; x += _stride, to += _lanes)
                    {
                        for (var lane = 0; lane < _lanes; lane += TVec.Count)
                            TVec.Store(to + lane, plane.At(from + x * _lanes + lane));
                    }
                }
            }

            // The last vector of a row of single images has reached over the border behind it.
            if (_lanes != 1 || _border.Right == 0)
                continue;
            TVec.Store(target + _behind, TVec.Broadcast(border));
            for (var x = 1; x < _border.Right; x++)
                TVec.Store(target + Column(_border.Left + _width + x), TVec.Broadcast(border));
        }
    }

    /// <summary>Reads the gradient with respect to a plane into the middle of the scratch, which is prepared with zeros. Stride 1 and 16 lanes only.</summary>
    public void ReadGradient<TVec>(in Planes planes, in Block block, int plane, float* target)
        where TVec : unmanaged, IVec<TVec>
    {
        var length = _width * _lanes;
        for (var y = 0; y < _height; y++)
            PlaneAccess.ReadGradient<TVec>(planes, block, plane, (long)y * length, length, target + (long)(y + _border.Top) * Row + _first);
    }

    /// <summary>Where column x of the padded row lies in the row.</summary>
    private int Column(int x) => x % _stride * _phase + x / _stride * _lanes;
}
