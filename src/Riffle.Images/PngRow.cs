namespace Riffle.Images;

/// <summary>A row of a PNG file's picture, or of one of its passes: its filter undone, its pixels as 8-bit colours.</summary>
sealed class PngRow
{
    /// <summary>For each type of colour its samples to a pixel, and the bits that a sample may have.</summary>
    static readonly Dictionary<byte, (int Samples, byte[] Depths)> Types = new()
    {
        [0] = (1, [1, 2, 4, 8, 16]),
        [2] = (3, [8, 16]),
        [Indexed] = (1, [1, 2, 4, 8]),
        [4] = (2, [8, 16]),
        [6] = (4, [8, 16]),
    };

    const byte Indexed = 3;

    readonly byte[] _palette;
    readonly byte _type;
    readonly int _depth, _samples, _pixelBytes;
    byte[] _row = [], _above = [];

    PngRow(byte type, byte depth, bool isInterlaced, byte[] palette)
    {
        (_type, _depth, IsInterlaced, _palette, _samples) = (type, depth, isInterlaced, palette, Types[type].Samples);
        _pixelBytes = Math.Max(1, _samples * depth / 8);
    }

    internal bool IsInterlaced { get; }

    internal int Pixels { get; private set; }

    /// <summary>A row in the format that the header describes.</summary>
    internal static PngRow Of(ReadOnlySpan<byte> png, PngChunks chunks, string name)
    {
        var header = chunks.Header(png, name);
        var (depth, type, packing, filters, order) = (header[8], header[9], header[10], header[11], header[12]);
        if (!Types.TryGetValue(type, out var known) || !known.Depths.Contains(depth) || packing != 0 || filters != 0 || order > 1)
            throw PngDecoder.Bad(name, $"its header is invalid: colour type {type}, {depth} bits, compression {packing}, filter method {filters}, interlace {order}");
        byte[] palette = [];
        foreach (var range in chunks.Critical)
            if (png[range].Slice(4, 4).SequenceEqual("PLTE"u8))
                palette = PngChunks.Content(png[range]).ToArray();
        return type == Indexed && palette.Length is 0 or > 256 * 3
            ? throw PngDecoder.Bad(name, "its palette is missing or too long")
            : new(type, depth, order == 1, palette);
    }

    /// <summary>Begins a picture, or a pass, with rows of so many pixels.</summary>
    internal void Begin(int pixels)
    {
        Pixels = pixels;
        int bytes = (int)(((long)pixels * _samples * _depth + 7) / 8);
        (_row, _above) = (new byte[bytes], new byte[bytes]);
    }

    /// <summary>Reads the next row.</summary>
    /// <exception cref="EndOfStreamException">The file has ended.</exception>
    internal void Read(Stream unpacked, string name)
    {
        (_row, _above) = (_above, _row);
        int filter = unpacked.ReadByte(), back = _pixelBytes;
        Span<byte> row = _row, above = _above;
        unpacked.ReadExactly(row);
        switch (filter)
        {
            case -1:
                throw new EndOfStreamException();
            case 0:
                break;
            case 1:
                for (int i = back; i < row.Length; i++) row[i] += row[i - back];
                break;
            case 2:
                for (int i = 0; i < row.Length; i++) row[i] += above[i];
                break;
            case 3:
                for (int i = 0; i < Math.Min(back, row.Length); i++) row[i] += (byte)(above[i] / 2);
                for (int i = back; i < row.Length; i++) row[i] += (byte)((row[i - back] + above[i]) / 2);
                break;
            case 4:
                for (int i = 0; i < Math.Min(back, row.Length); i++) row[i] += above[i];
                for (int i = back; i < row.Length; i++) row[i] += Paeth(row[i - back], above[i], above[i - back]);
                break;
            default:
                throw PngDecoder.Bad(name, $"a row has the filter {filter}, but only 0 to 4 exist");
        }
    }

    /// <summary>The colour of a pixel, without its alpha.</summary>
    internal (byte Red, byte Green, byte Blue) Colour(int pixel)
    {
        if (_samples >= 3)
        {
            int at = pixel * _pixelBytes, step = _depth / 8;
            return (_row[at], _row[at + step], _row[at + 2 * step]);
        }

        int bits = pixel * _depth * (_depth < 8 ? 1 : _samples);
        int sample = _depth < 8 ? _row[bits / 8] >> (8 - _depth - bits % 8) & (1 << _depth) - 1 : _row[bits / 8];
        if (_type != Indexed)
        {
            byte grey = (byte)(_depth < 8 ? sample * 255 / ((1 << _depth) - 1) : sample);
            return (grey, grey, grey);
        }

        return sample * 3 + 3 <= _palette.Length ? (_palette[sample * 3], _palette[sample * 3 + 1], _palette[sample * 3 + 2]) : default;
    }

    /// <summary>Of left, above and above left, the one nearest to left + above − above left.</summary>
    static byte Paeth(byte left, byte above, byte corner)
    {
        int byLeft = Math.Abs(above - corner), byAbove = Math.Abs(left - corner), byCorner = Math.Abs(left + above - 2 * corner);
        return byLeft <= byAbove && byLeft <= byCorner ? left : byAbove <= byCorner ? above : corner;
    }
}
