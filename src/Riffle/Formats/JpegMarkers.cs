using System.Buffers.Binary;

namespace Riffle.Formats;

/// <summary>The segments of a JPEG file (ITU-T T.81, annex B), as far as TurboJPEG is silent on them: the EXIF block, and whether there is an end.</summary>
static class JpegMarkers
{
    const byte EndOfImage = 0xD9, StartOfScan = 0xDA, App1 = 0xE1;

    /// <summary>Start of image, and the first byte of the marker after it.</summary>
    internal static ReadOnlySpan<byte> Start => [0xFF, 0xD8, 0xFF];

    /// <summary>The TIFF structure of the first EXIF segment; empty where there is none.</summary>
    internal static ReadOnlySpan<byte> Exif(ReadOnlySpan<byte> jpeg)
    {
        int at = 2;
        while (Next(jpeg, ref at, out byte marker, out var content) && marker is not (StartOfScan or EndOfImage))
            if (marker == App1 && jpeg[content].StartsWith("Exif\0\0"u8))
                return jpeg[content][6..];
        return [];
    }

    /// <summary>Whether an end-of-image marker follows the scans; one inside a segment (a thumbnail has its own) does not count.</summary>
    internal static bool HasEnd(ReadOnlySpan<byte> jpeg)
    {
        int at = 2;
        while (Next(jpeg, ref at, out byte marker, out _))
            if (marker == EndOfImage)
                return true;
        return false;
    }

    /// <summary>Goes to the next marker, over entropy-coded data, and past its segment; false at the end of the file.</summary>
    static bool Next(ReadOnlySpan<byte> jpeg, ref int at, out byte marker, out Range content)
    {
        (marker, content) = (0, default);
        while (marker is 0 or 0xFF)
        {
            int found = jpeg[at..].IndexOf((byte)0xFF);
            if (found < 0 || at + found + 1 >= jpeg.Length) return false;
            marker = jpeg[at + found + 1];
            at += found + (marker == 0xFF ? 1 : 2); // 0xFF may be repeated before a marker; 0xFF 0x00 is a byte of data
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
