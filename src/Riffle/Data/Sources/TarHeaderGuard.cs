using System.Buffers.Binary;
using System.Globalization;

namespace Riffle.Data.Sources;

/// <summary>
/// Hands a tar file on, and stops at a header whose checksum is wrong, and at one that claims a long name or attributes (types L, K, x, g) of more than a
/// megabyte: <see cref="System.Formats.Tar.TarReader"/> looks at no checksum, ends without a word where the field of one is empty, takes memory for names and
/// attributes as they claim, and replaces what is no UTF-8 in a name, so that two become one; <see cref="Name"/> has the bytes. A header is
/// a block of 512 bytes; behind it lies its entry's content, filled up to whole blocks (POSIX.1-2017, pax, "ustar Interchange Format").
/// </summary>
internal sealed class TarHeaderGuard(Stream tar) : Stream
{
    private const int BlockSize = 512, SizeAt = 124, SizeLength = 12, ChecksumAt = 148, ChecksumLength = 8, TypeAt = 156, MagicAt = 257;
    private const int NameLength = 100, PrefixAt = 345, PrefixLength = 155;
    private const int MaxExtra = 1 << 20;

    private readonly byte[] _block = new byte[BlockSize];
    private int _filled;
    private long _content;
    private bool _ended;

    // A long name or attributes of the next entry, which may hold its name and size.
    private MemoryStream? _extra;
    private long _extraLeft;
    private char _extraType;
    private long? _size;
    private ArchiveName? _name;

    /// <summary>The name of the entry whose header was read last.</summary>
    public ArchiveName Name { get; private set; }

    /// <summary>Whether a file's first block is a header: by its magic, or, as the oldest form (v7) has none, by its checksum.</summary>
    public static bool IsHeader(ReadOnlySpan<byte> start) =>
        (start.Length >= MagicAt + 5 && start.Slice(MagicAt, 5).SequenceEqual("ustar"u8))
        || (start.Length >= BlockSize && HasChecksum(start[..BlockSize]));

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        var read = tar.Read(buffer);
        for (var rest = buffer[..read]; rest.Length > 0 && !_ended;)
        {
            var length = (int)Math.Min(rest.Length, _content > 0 ? _content : BlockSize - _filled);
            if (_content > 0)
                Pass(rest[..length]);
            else
                Collect(rest[..length]);
            rest = rest[length..];
        }

        return read;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private void Pass(ReadOnlySpan<byte> content)
    {
        _content -= content.Length;
        if (_extra is null)
            return;
        var own = content[..(int)Math.Min(content.Length, _extraLeft)];
        _extra.Write(own);
        _extraLeft -= own.Length;
        if (_content > 0)
            return;
        var extra = _extra.ToArray();
        _extra = null;
        if (_extraType == 'x')
            ReadAttributes(extra);
        else
            _name ??= new ArchiveName(UpToNul(extra).ToArray(), IsUtf8: false);
    }

    private void Collect(ReadOnlySpan<byte> part)
    {
        part.CopyTo(_block.AsSpan(_filled));
        _filled = (_filled + part.Length) % BlockSize;
        if (_filled == 0)
            ReadHeader();
    }

    private void ReadHeader()
    {
        // The archive ends with blocks of zeros. Anything after them is not part of it.
        _ended = !_block.AsSpan().ContainsAnyExcept((byte)0);
        if (_ended)
            return;
        if (!HasChecksum(_block))
            throw new InvalidDataException("a header has a wrong checksum");

        var type = (char)_block[TypeAt];
        var isExtra = type is 'L' or 'K' or 'x' or 'g';
        var size = isExtra ? Size() : _size ?? Size();
        if (size < 0 || (isExtra && size > MaxExtra))
            throw new InvalidDataException(isExtra ? $"a name or its attributes exceed {MaxExtra} bytes" : "a header has no size");
        _content = checked(size + BlockSize - 1) / BlockSize * BlockSize;
        if (type is 'x' or 'L' && size > 0)
            (_extra, _extraLeft, _extraType) = (new MemoryStream(), size, type);
        if (isExtra)
            return;
        Name = _name ?? HeaderName();
        (_size, _name) = (null, null);
    }

    /// <summary>The name in a header; that of POSIX has its first folders in a field of their own.</summary>
    private ArchiveName HeaderName()
    {
        var name = UpToNul(_block.AsSpan(0, NameLength));
        var prefix = _block.AsSpan(MagicAt).StartsWith("ustar\0"u8) ? UpToNul(_block.AsSpan(PrefixAt, PrefixLength)) : [];
        return new(prefix.IsEmpty ? name.ToArray() : [.. prefix, (byte)'/', .. name], IsUtf8: false);
    }

    private static ReadOnlySpan<byte> UpToNul(ReadOnlySpan<byte> field) => field.IndexOf((byte)0) is var end and >= 0 ? field[..end] : field;

    /// <summary>The bytes of the header added up, the checksum's own as spaces; some old programs added them as signed.</summary>
    private static bool HasChecksum(ReadOnlySpan<byte> block)
    {
        int sum = ' ' * ChecksumLength, signed = sum;
        for (var i = 0; i < BlockSize; i++)
        {
            var counts = i is < ChecksumAt or >= ChecksumAt + ChecksumLength;
            sum += counts ? block[i] : 0;
            signed += counts ? (sbyte)block[i] : 0;
        }

        var told = Octal(block.Slice(ChecksumAt, ChecksumLength));
        return told == sum || told == signed;
    }

    /// <summary>Octal digits; a first bit that is set says that the number is binary, which only sizes beyond 8 GB need. −1 where there is none.</summary>
    private long Size()
    {
        var field = _block.AsSpan(SizeAt, SizeLength);
        if (field[0] < 0x80)
            return Octal(field);
        return field[0] == 0x80 && !field[1..4].ContainsAnyExcept((byte)0) ? BinaryPrimitives.ReadInt64BigEndian(field[4..]) : -1;
    }

    /// <summary>Octal digits between spaces and NULs; −1 for anything else.</summary>
    private static long Octal(ReadOnlySpan<byte> field)
    {
        var value = 0L;
        foreach (var digit in field.TrimStart(" \0"u8))
        {
            if (digit is (byte)' ' or 0)
                break; // what some programs leave behind the end means nothing
            if (digit is < (byte)'0' or > (byte)'7')
                return -1;
            value = (value * 8) + (digit - '0');
        }

        return value;
    }

    /// <summary>Takes name and size from attributes, each of which is a line "length key=value", where the value may hold line ends.</summary>
    private void ReadAttributes(ReadOnlySpan<byte> attributes)
    {
        while (attributes.IndexOf((byte)' ') is var space and > 0
            && int.TryParse(attributes[..space], NumberStyles.None, CultureInfo.InvariantCulture, out var length)
            && length > space + 1 && length <= attributes.Length)
        {
            var line = attributes[(space + 1)..(length - 1)];
            var equals = line.IndexOf((byte)'=');
            var key = equals < 0 ? [] : line[..equals];
            var value = line[(equals + 1)..];
            if (key.SequenceEqual("path"u8))
                _name = new ArchiveName(value.ToArray(), IsUtf8: true);
            else if (key.SequenceEqual("size"u8) && long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var size))
                _size = size;
            attributes = attributes[length..];
        }
    }
}
