using System.Buffers.Binary;

namespace Riffle.Formats;

/// <summary>The segments of a JPEG file (ITU-T T.81, annex B), as far as TurboJPEG is silent on them: the EXIF block, the process, stray bytes, the end.</summary>
static class JpegMarkers
{
    const byte EndOfImage = 0xD9, StartOfScan = 0xDA, App0 = 0xE0, App1 = 0xE1, JpegLs = 0xF7;

    /// <summary>Start of image, and the first byte of the marker after it.</summary>
    internal static ReadOnlySpan<byte> Start => [0xFF, 0xD8, 0xFF];

    /// <summary>The TIFF structure of the first EXIF segment; empty where there is none.</summary>
    internal static ReadOnlySpan<byte> Exif(ReadOnlySpan<byte> jpeg)
    {
        int at = 2;
        while (Next(jpeg, ref at, out _, out byte marker, out var content) && marker is not (StartOfScan or EndOfImage))
            if (marker == App1 && jpeg[content].StartsWith("Exif\0\0"u8))
                return jpeg[content][6..];
        return [];
    }

    /// <summary>Whether an end-of-image marker follows the scans; one inside a segment (a thumbnail has its own) does not count.</summary>
    internal static bool HasEnd(ReadOnlySpan<byte> jpeg)
    {
        int at = 2;
        while (Next(jpeg, ref at, out _, out byte marker, out _))
            if (marker == EndOfImage)
                return true;
        return false;
    }

    /// <summary>What kind of JPEG a file is, with its article, if it is one that libjpeg-turbo does not decode to 8 bits; null for others.</summary>
    internal static string? UnreadKind(ReadOnlySpan<byte> jpeg)
    {
        int at = 2;
        while (Next(jpeg, ref at, out _, out byte marker, out var content) && marker is not (StartOfScan or EndOfImage))
        {
            if (marker == JpegLs) return "a JPEG-LS image";
            if (!IsFrame(marker)) continue;
            return marker switch
            {
                0xC3 or 0xCB => "a lossless JPEG image",
                0xC5 or 0xC6 or 0xC7 or 0xCD or 0xCE or 0xCF => "a hierarchical JPEG image",
                _ => jpeg[content] is [not 8 and var bits, ..] ? $"a JPEG image with {bits} bits per sample" : null,
            };
        }

        return null;
    }

    /// <summary>
    /// The file without stray bytes between the segments before its first scan, and with a JFIF revision that libjpeg knows; null if that changes
    /// nothing. Stray bytes after a scan look like part of it and stay.
    /// </summary>
    internal static byte[]? Mended(ReadOnlySpan<byte> jpeg)
    {
        var mended = new List<byte>(jpeg.Length);
        mended.AddRange(jpeg[..2]);
        int at = 2;
        bool isOther = false;
        for (byte marker = 0; marker != StartOfScan;)
        {
            int before = at;
            if (!Next(jpeg, ref at, out int start, out marker, out var content)) return null;
            isOther |= start > before;
            mended.AddRange(jpeg[start..at]);
            if (marker != App0 || !jpeg[content].StartsWith("JFIF\0"u8) || jpeg[content] is not [_, _, _, _, _, not 1, ..]) continue;
            mended[^(jpeg[content].Length - 5)] = 1;
            isOther = true;
        }

        mended.AddRange(jpeg[at..]);
        return isOther ? [.. mended] : null;
    }

    /// <summary>Start of frame, of any process. C4, C8 and CC in their midst are other markers.</summary>
    static bool IsFrame(byte marker) => marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC);

    /// <summary>Goes to the next marker, over entropy-coded data and stray bytes, and past its segment; false at the end of the file.</summary>
    static bool Next(ReadOnlySpan<byte> jpeg, ref int at, out int start, out byte marker, out Range content)
    {
        (start, marker, content) = (at, 0, default);
        while (marker is 0 or 0xFF)
        {
            int found = jpeg[at..].IndexOf((byte)0xFF);
            if (found < 0 || at + found + 1 >= jpeg.Length) return false;
            start = at + found;
            marker = jpeg[start + 1];
            at = start + (marker == 0xFF ? 1 : 2); // 0xFF may be repeated before a marker; 0xFF 0x00 is a byte of data
        }

        if (marker is EndOfImage or 0x01 or (>= 0xD0 and <= 0xD7)) return true; // these stand alone
        if (jpeg.Length - at < 2) return false;
        int length = BinaryPrimitives.ReadUInt16BigEndian(jpeg[at..]);
        if (length < 2 || length > jpeg.Length - at) return false;
        content = (at + 2)..(at + length);
        at += length;
        return true;
    }
}
