using System.Buffers.Binary;

namespace Riffle.Images;

/// <summary>The bits of entropy-coded data, up to the next marker. After it come zeros, and <see cref="IsShort"/> tells whether any was used.</summary>
internal ref struct JpegBits(ReadOnlySpan<byte> jpeg, int at)
{
    /// <summary>The most bits that a Huffman code and the number after it have.</summary>
    private const int Most = 32;

    private readonly ReadOnlySpan<byte> _jpeg = jpeg;
    private ulong _bits;
    private int _count, _zeros;

    /// <summary>The next byte that has not been taken in. No marker lies between the bits in use and this byte.</summary>
    public int At { get; private set; } = at;

    /// <summary>Whether more bits were used than there are.</summary>
    public readonly bool IsShort => _count < _zeros;

    /// <summary>The next symbol; -1 if no code fits.</summary>
    public int Symbol(JpegHuffman table)
    {
        Fill();
        int entry = table.Short[(int)(_bits >> (64 - JpegHuffman.ShortBits))];
        var (length, symbol) = entry != 0 ? (entry >> 8, entry & 0xFF) : table.Find((int)(_bits >> 48));
        _bits <<= length;
        _count -= length;
        return symbol;
    }

    /// <summary>Passes over bits that follow a symbol, at most 16.</summary>
    public void Skip(int bits)
    {
        _bits <<= bits;
        _count -= bits;
    }

    /// <summary>The next bits as a number, at most 16.</summary>
    public int Take(int bits)
    {
        Fill();
        var value = bits == 0 ? 0 : (int)(_bits >> (64 - bits));
        Skip(bits);
        return value;
    }

    private void Fill()
    {
        if (_count >= Most)
            return;
        if (At + 4 <= _jpeg.Length)
        {
            var four = BinaryPrimitives.ReadUInt32BigEndian(_jpeg[At..]);
            if (((~four - 0x01010101) & four & 0x80808080) == 0) // none of the bytes is 0xFF
            {
                _bits |= (ulong)four << (Most - _count);
                _count += 32;
                At += 4;
                return;
            }
        }

        while (_count < Most)
        {
            _bits |= (ulong)NextByte() << (56 - _count);
            _count += 8;
        }
    }

    private byte NextByte()
    {
        if (At < _jpeg.Length && _jpeg[At] != 0xFF)
            return _jpeg[At++];
        var after = At;
        while (after < _jpeg.Length && _jpeg[after] == 0xFF)
            after++;
        if (after < _jpeg.Length && _jpeg[after] == 0)
        {
            At = after + 1;
            return 0xFF;
        }

        _zeros += 8;
        return 0;
    }
}
