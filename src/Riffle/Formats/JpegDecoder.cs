using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Riffle.Formats;

/// <summary>JPEG to upright RGB through libjpeg-turbo.</summary>
static unsafe partial class JpegDecoder
{
    /// <summary>
    /// The most pixels to a byte of the file. Huffman coding spends at least a bit on each block of 8×8 coefficients, of which there are at least 9 to
    /// 32×32 pixels, for each dimension is sampled four times as coarsely at most and in full by one of the components: 910 pixels. (Arithmetic coding, which
    /// nobody uses, can get below that for an image of one colour.)
    /// </summary>
    const long MaxPixelsPerByte = 1024;

    /// <summary>
    /// libjpeg decodes a damaged file to a partly grey image and only warns. Its warnings are errors here, except those that leave the
    /// picture whole: an odd Adobe or JFIF version, bytes between two segments that belong to neither (many photos of well-known data sets have some), and
    /// scan parameters that bend the standard without loss.
    /// </summary>
    [GeneratedRegex(
        @"Unknown Adobe color|unknown JFIF revision|data: \d+ extraneous bytes before|Inconsistent progression|Invalid SOS parameters",
        RegexOptions.CultureInvariant)]
    private static partial Regex HarmlessWarning { get; }

    /// <summary>Stray bytes before the end of the image, after which nothing else is read.</summary>
    [GeneratedRegex(@"data: \d+ extraneous bytes before marker 0xd9", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex BytesBeforeTheEnd { get; }

    internal static RgbImage Decode(ReadOnlySpan<byte> encoded, string name, long mostWhole, int side)
    {
        nint handle = TurboJpeg.InitDecompress();
        if (handle == 0) throw new RiffleException("Not enough memory for a JPEG decoder.");
        try
        {
            var (width, height, channels) = ReadHeader(handle, encoded, name);
            ImageDecoder.CheckSize(width, height, MaxPixelsPerByte * encoded.Length, name);
            using var turn = (long)width * height > mostWhole ? ImageDecoder.WaitForTurn() : null;
            int part = Math.Max(turn is null ? 1 : 2, Part(Math.Min(width, height), side));
            var stored = new RgbImage((width + part - 1) / part, (height + part - 1) / part, []) { FullWidth = width, FullHeight = height };
            var samples = new byte[checked(stored.Width * stored.Height * channels)];
            DecodeWhole(handle, encoded, stored, samples, name);
            return Exif.Apply(stored with { Pixels = channels == 4 ? CmykToRgb(samples) : samples }, Exif.Orientation(JpegMarkers.Exif(encoded)));
        }
        finally
        {
            _ = TurboJpeg.Destroy(handle);
        }
    }

    /// <summary>The part of its size, 1 to 8 as its reciprocal, at which an image is decoded to be scaled to a square.</summary>
    static int Part(int shorter, int side)
    {
        const int Most = 8, Reserve = 2;
        int part = 1;
        while (part < Most && shorter / (2 * part) >= (long)Reserve * side) part *= 2;
        return part;
    }

    static (int Width, int Height, int Channels) ReadHeader(nint handle, ReadOnlySpan<byte> encoded, string name)
    {
        // The header call of version 2 also fails for a sampling that it has no name for, having found the size; decoding knows them all.
        int width = 0, height = 0, subsampling = -1, colourspace = -1;
        fixed (byte* jpeg = encoded)
        {
            var size = new CULong((nuint)encoded.Length);
            if (TurboJpeg.DecompressHeader(handle, jpeg, size, ref width, ref height, ref subsampling, ref colourspace) != 0
                && (width < 1 || height < 1 || colourspace < 0))
                throw Bad(name, encoded, TurboJpeg.Error(handle));
        }

        // libjpeg accepts a JPEG file of tables only, and so one that ends after them.
        if (width == 0 || height == 0) throw Bad(name, encoded, "the file ends before the image data");
        return (width, height, colourspace is TurboJpeg.ColourspaceCmyk or TurboJpeg.ColourspaceYcck ? 4 : 3);
    }

    /// <summary>
    /// Decodes a file with only harmless faults such as stray bytes. libjpeg reports only the first warning, and a harmless one could hide another; so what
    /// can be mended is, and the file is decoded once more.
    /// </summary>
    static void DecodeWhole(nint handle, ReadOnlySpan<byte> encoded, RgbImage size, byte[] samples, string name)
    {
        string? warning = Decompress(handle, encoded, size, samples, name);
        if (warning is null) return;
        if (!JpegMarkers.HasEnd(encoded)) throw Bad(name, encoded, "Premature end of JPEG file");
        if (BytesBeforeTheEnd.IsMatch(warning)) return;
        if (JpegMarkers.Mended(encoded) is { } mended) warning = Decompress(handle, mended, size, samples, name);
        if (warning is not null && !HarmlessWarning.IsMatch(warning)) throw Bad(name, encoded, warning);
    }

    /// <summary>Decodes to a width and height that may be smaller than the picture's. The first warning, null where all is well.</summary>
    static string? Decompress(nint handle, ReadOnlySpan<byte> encoded, RgbImage size, byte[] samples, string name)
    {
        int channels = samples.Length / size.Width / size.Height;
        int format = channels == 4 ? TurboJpeg.PixelsCmyk : TurboJpeg.PixelsRgb;
        fixed (byte* jpeg = encoded, pixels = samples)
        {
            var length = new CULong((nuint)encoded.Length);
            if (TurboJpeg.Decompress(handle, jpeg, length, pixels, size.Width, size.Width * channels, size.Height, format, TurboJpeg.FlagLimitScans) == 0)
                return null;
        }

        string message = TurboJpeg.Error(handle);
        if (message.StartsWith("Insufficient memory", StringComparison.Ordinal)) throw new InsufficientMemoryException(message);
        return TurboJpeg.ErrorCode(handle) == TurboJpeg.ErrorWarning ? message : throw Bad(name, encoded, message);
    }

    static BadDataException Bad(string name, ReadOnlySpan<byte> encoded, string message) => new(
        (message.Contains("arithmetic", StringComparison.OrdinalIgnoreCase) ? "an arithmetic-coded JPEG image" : JpegMarkers.UnreadKind(encoded)) is { } kind
            ? $"{name}: {kind}; Riffle reads only baseline and progressive JPEG with 8 bits ({message}). Convert or remove it."
            : $"{name}: can't decode the JPEG image: {message}. Copy the file again, or remove it.");

    /// <summary>
    /// The four inks as light: what the white paper keeps of each channel after the ink and the black. The files hold them inverted (255 is no
    /// ink), as Adobe writes them and as other readers take every JPEG of four components.
    /// </summary>
    static byte[] CmykToRgb(byte[] samples)
    {
        var rgb = new byte[samples.Length / 4 * 3];
        for (int from = 0, to = 0; from < samples.Length; from += 4)
        {
            int light = samples[from + 3];
            for (int c = 0; c < 3; c++, to++)
                rgb[to] = (byte)(light - (light * (255 - samples[from + c]) + 127) / 255);
        }

        return rgb;
    }
}
