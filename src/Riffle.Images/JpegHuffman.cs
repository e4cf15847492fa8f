namespace Riffle.Images;

/// <summary>A table of Huffman codes (ITU-T T.81, annex C).</summary>
internal sealed class JpegHuffman
{
    /// <summary>Codes of up to so many bits are found in one step.</summary>
    public const int ShortBits = 9;

    private const int MaxLength = 16;

    private readonly byte[] _symbols;

    /// <summary>For each length: the code after the last one, at 16 bits, and what is added to a code to find its symbol.</summary>
    private readonly int[] _ends = new int[MaxLength + 1], _offsets = new int[MaxLength + 1];

    private JpegHuffman(ReadOnlySpan<byte> counts, ReadOnlySpan<byte> symbols)
    {
        _symbols = symbols.ToArray();
        int code = 0, next = 0;
        for (var length = 1; length <= MaxLength; length++, code <<= 1)
        {
            _offsets[length] = next - code;
            for (var i = 0; i < counts[length - 1]; i++, code++, next++)
            {
                if (length <= ShortBits && code < 1 << length)
                    Short.AsSpan(code << (ShortBits - length), 1 << (ShortBits - length)).Fill((ushort)((length << 8) | _symbols[next]));
            }

            _ends[length] = code << (MaxLength - length);
        }
    }

    /// <summary>For the next <see cref="ShortBits"/> bits: the length of the code times 256, and its symbol; 0 if the code is longer.</summary>
    public ushort[] Short { get; } = new ushort[1 << ShortBits];

    /// <summary>Reads the tables of a segment: four for DC, then four for AC.</summary>
    /// <returns>False if the segment is damaged.</returns>
    public static bool Read(ReadOnlySpan<byte> segment, JpegHuffman?[] tables)
    {
        while (segment.Length > MaxLength)
        {
            var (kind, slot, total) = (segment[0] >> 4, segment[0] & 15, 0);
            foreach (var count in segment[1..(MaxLength + 1)])
                total += count;
            if (kind > 1 || slot > 3 || total > 256 || segment.Length < MaxLength + 1 + total)
                return false;
            tables[(kind * 4) + slot] = new(segment[1..(MaxLength + 1)], segment.Slice(MaxLength + 1, total));
            segment = segment[(MaxLength + 1 + total)..];
        }

        return segment.IsEmpty;
    }

    /// <summary>The length and symbol of the code with which 16 bits begin; all 16 and -1 if there is none.</summary>
    public (int Length, int Symbol) Find(int bits)
    {
        for (var length = 1; length <= MaxLength; length++)
        {
            if (bits >= _ends[length])
                continue;
            var index = (bits >> (MaxLength - length)) + _offsets[length];
            return (uint)index < (uint)_symbols.Length ? (length, _symbols[index]) : (MaxLength, -1);
        }

        return (MaxLength, -1);
    }
}
