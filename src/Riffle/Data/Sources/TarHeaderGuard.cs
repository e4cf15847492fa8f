namespace Riffle.Data.Sources;

/// <summary>
/// Hands a tar file on, and stops at a header that claims a long name or attributes (types L, K, x, g) of more than a megabyte:
/// <see cref="System.Formats.Tar.TarReader"/> takes memory for these as they claim. Headers lie at multiples of 512 bytes; what is none has no right checksum (POSIX.1-2017, pax, "ustar Interchange Format").
/// </summary>
internal sealed class TarHeaderGuard(Stream tar) : Stream
{
    private const int BlockSize = 512, SizeAt = 124, SizeLength = 12, ChecksumAt = 148, ChecksumLength = 8, TypeAt = 156;
    private const long MaxExtra = 1 << 20;

    private readonly byte[] _block = new byte[BlockSize];
    private int _filled;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        var read = tar.Read(buffer);
        for (var rest = buffer[..read]; rest.Length > 0;)
        {
            var piece = rest[..Math.Min(rest.Length, BlockSize - _filled)];
            piece.CopyTo(_block.AsSpan(_filled));
            rest = rest[piece.Length..];
            _filled = (_filled + piece.Length) % BlockSize;
            if (_filled == 0)
                Check();
        }

        return read;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private void Check()
    {
        if ((char)_block[TypeAt] is 'L' or 'K' or 'x' or 'g' && HasChecksum() && Size() is < 0 or > MaxExtra)
            throw new InvalidDataException($"a name or attributes of more than {MaxExtra} bytes");
    }

    private bool HasChecksum()
    {
        var sum = ' ' * ChecksumLength;
        for (var i = 0; i < BlockSize; i++)
            sum += i is >= ChecksumAt and < ChecksumAt + ChecksumLength ? 0 : _block[i];
        return Octal(_block.AsSpan(ChecksumAt, ChecksumLength)) == sum;
    }

    /// <summary>Octal digits; a first bit that is set says that the number is binary, which only sizes beyond 8 GB need.</summary>
    private long Size() => _block[SizeAt] >= 0x80 ? long.MaxValue : Octal(_block.AsSpan(SizeAt, SizeLength));

    private static long Octal(ReadOnlySpan<byte> field)
    {
        var value = 0L;
        foreach (var digit in field.Trim(" \0"u8))
        {
            if (digit is < (byte)'0' or > (byte)'7')
                return -1;
            value = (value * 8) + (digit - '0');
        }

        return value;
    }
}
