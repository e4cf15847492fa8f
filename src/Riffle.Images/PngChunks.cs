using System.Buffers.Binary;

namespace Riffle.Images;

/// <summary>
/// The critical chunks of a PNG file, in their order. All others are skipped: a decoder could apply a gamma or a colour profile to the
/// samples, which those used in training do not, and a skipped chunk can do no harm. This also detects a file cut off after
/// its last row, which decoders do not check.
/// </summary>
sealed class PngChunks
{
    /// <summary>Length, type and checksum around a chunk's content.</summary>
    const int Overhead = 12;

    const int HeaderSize = 13;

    PngChunks(List<Range> critical, int orientation) => (Critical, Orientation) = (critical, orientation);

    /// <summary>The first eight bytes of every PNG file.</summary>
    internal static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>Where the critical chunks lie, with their lengths, types and checksums.</summary>
    internal List<Range> Critical { get; }

    /// <summary>The EXIF orientation.</summary>
    internal int Orientation { get; }

    internal static PngChunks Find(ReadOnlySpan<byte> png, string name)
    {
        var critical = new List<Range>();
        int orientation = 1, at = Signature.Length;
        for (bool end = false; !end;)
        {
            var rest = png[at..];
            uint length = rest.Length >= Overhead ? BinaryPrimitives.ReadUInt32BigEndian(rest) : uint.MaxValue;
            if (length > rest.Length - Overhead) throw PngDecoder.Bad(name, $"the file ends within the chunk at byte {at}");
            var chunk = rest[..((int)length + Overhead)];
            var type = chunk.Slice(4, 4);
            if (type.SequenceEqual("eXIf"u8)) orientation = Exif.Orientation(chunk[8..^4]);
            if ((type[0] & 0x20) == 0) critical.Add(at..(at + chunk.Length));
            end = type.SequenceEqual("IEND"u8);
            at += chunk.Length;
        }

        return new(critical, orientation);
    }

    /// <summary>The content of a chunk.</summary>
    internal static ReadOnlySpan<byte> Content(ReadOnlySpan<byte> chunk) => chunk[8..^4];

    /// <summary>The content of the header, which comes first.</summary>
    internal ReadOnlySpan<byte> Header(ReadOnlySpan<byte> png, string name)
    {
        var first = png[Critical[0]];
        return first.Slice(4, 4).SequenceEqual("IHDR"u8) && first.Length == HeaderSize + Overhead
            ? Content(first)
            : first.Slice(4, 4).SequenceEqual("CgBI"u8)
                ? throw new BadDataException($"{name}: this is a PNG in Apple's CgBI format, which Riffle can't read. Convert or remove it.")
                : throw PngDecoder.Bad(name, "it does not start with a header chunk");
    }

    /// <summary>Width and height as the header claims.</summary>
    internal (uint Width, uint Height) Size(ReadOnlySpan<byte> png, string name)
    {
        var header = Header(png, name);
        return (BinaryPrimitives.ReadUInt32BigEndian(header), BinaryPrimitives.ReadUInt32BigEndian(header[4..]));
    }

    /// <summary>A file with only the critical chunks.</summary>
    internal byte[] Bare(ReadOnlySpan<byte> png)
    {
        var bare = new byte[Signature.Length + Critical.Sum(range => range.End.Value - range.Start.Value)];
        Signature.CopyTo(bare);
        int at = Signature.Length;
        foreach (var range in Critical)
        {
            png[range].CopyTo(bare.AsSpan(at));
            at += range.End.Value - range.Start.Value;
        }

        return bare;
    }
}
