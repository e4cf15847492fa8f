using System.Buffers.Binary;

namespace Riffle.Images;

/// <summary>The segments of a JPEG file (ITU-T T.81, annex B).</summary>
internal static class JpegMarkers
{
    public const byte HuffmanTables = 0xC4, EndOfImage = 0xD9, StartOfScan = 0xDA, RestartInterval = 0xDD;

    private const byte JpegLs = 0xF7;

    /// <summary>What kind of JPEG a file is, with its article, if it is one that is not decoded; null for others.</summary>
    public static string? UnreadKind(ReadOnlySpan<byte> jpeg)
    {
        var at = 2;
        while (Next(jpeg, ref at, out var marker, out var content) && marker is not (StartOfScan or EndOfImage))
        {
            if (marker == JpegLs)
                return "a JPEG-LS image";
            if (!IsFrame(marker))
                continue;
            return marker switch
            {
                0xC3 or 0xCB => "a lossless JPEG image",
                0xC5 or 0xC6 or 0xC7 or 0xCD or 0xCE or 0xCF => "a hierarchical JPEG image",
                _ => jpeg[content] is [not 8 and var bits, ..] ? $"a JPEG image with {bits} bits per sample" : null,
            };
        }

        return null;
    }

    /// <summary>Whether the picture comes in several scans.</summary>
    public static bool IsProgressive(ReadOnlySpan<byte> jpeg)
    {
        var at = 2;
        while (Next(jpeg, ref at, out var marker, out _) && marker is not (StartOfScan or EndOfImage))
        {
            if (IsFrame(marker))
                return marker is 0xC2 or 0xCA;
        }

        return false;
    }

    /// <summary>Start of frame, of any process. C4, C8 and CC in their midst are other markers.</summary>
    public static bool IsFrame(byte marker) => marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC);

    /// <summary>Goes to the next marker, over entropy-coded data and stray bytes, and past its segment; false at the end of the file.</summary>
    public static bool Next(ReadOnlySpan<byte> jpeg, ref int at, out byte marker, out Range content)
    {
        (marker, content) = (0, default);
        while (marker is 0 or 0xFF)
        {
            var found = jpeg[at..].IndexOf((byte)0xFF);
            if (found < 0 || at + found + 1 >= jpeg.Length)
                return false;
            marker = jpeg[at + found + 1];
            at += found + (marker == 0xFF ? 1 : 2); // 0xFF may be repeated before a marker; 0xFF 0x00 is a byte of data
        }

        if (marker is EndOfImage or 0x01 or (>= 0xD0 and <= 0xD7))
            return true; // these stand alone
        if (jpeg.Length - at < 2)
            return false;
        int length = BinaryPrimitives.ReadUInt16BigEndian(jpeg[at..]);
        if (length < 2 || length > jpeg.Length - at)
            return false;
        content = (at + 2)..(at + length);
        at += length;
        return true;
    }
}
