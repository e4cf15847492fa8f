using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Riffle.Formats;

/// <summary>JPEG to upright RGB through libjpeg-turbo.</summary>
static unsafe partial class JpegDecoder
{
    /// <summary>
    /// libjpeg decodes a damaged file to something half grey and only warns. Its warnings are errors here, but for those that leave the
    /// picture whole: an odd Adobe or JFIF version, up to 9 bytes of padding before a marker, and scan parameters that bend the standard
    /// without loss. (More left over is the sign of a decoder that lost its way: of Tiny ImageNet's files with 100 bytes overwritten, 94 % are
    /// noticed so, 68 % where 99 bytes pass.) libjpeg reports its first warning only, so a file with one of these must also have its end.
    /// </summary>
    [GeneratedRegex(
        @"Unknown Adobe color|unknown JFIF revision|data: \d extraneous bytes before|Inconsistent progression|Invalid SOS parameters",
        RegexOptions.CultureInvariant)]
    private static partial Regex HarmlessWarning { get; }

    /// <summary>
    /// The most pixels to a byte of the file. Huffman coding spends at least a bit on each block of 8×8 coefficients, of which there are at least 9 to
    /// 32×32 pixels, for each dimension is sampled four times as coarsely at most and in full by one of the components: 910 pixels. (Arithmetic coding, which
    /// nobody uses, can get below that for an image of one colour.)
    /// </summary>
    const long MaxPixelsPerByte = 1024;

    internal static RgbImage Decode(ReadOnlySpan<byte> encoded, string name)
    {
        nint handle = TurboJpeg.InitDecompress();
        if (handle == 0) throw new RiffleException("libturbojpeg has no memory for a decoder.");
        try
        {
            fixed (byte* jpeg = encoded)
            {
                var size = new CULong((nuint)encoded.Length);

                // The header call of version 2 also fails for a sampling that it has no name for, having found the size; decoding knows them all.
                int width = 0, height = 0, subsampling = -1, colourspace = -1;
                if (TurboJpeg.DecompressHeader(handle, jpeg, size, ref width, ref height, ref subsampling, ref colourspace) != 0
                    && (width < 1 || height < 1 || colourspace < 0))
                    throw Bad(name, TurboJpeg.Error(handle));

                // Tables alone are a JPEG file of their own kind to libjpeg, and so is one that ends behind them.
                if (width == 0 || height == 0) throw Bad(name, "it ends before the picture begins");

                bool cmyk = colourspace is TurboJpeg.ColourspaceCmyk or TurboJpeg.ColourspaceYcck;
                int channels = cmyk ? 4 : 3;
                var samples = new byte[ImageDecoder.BytesFor(width, height, channels, MaxPixelsPerByte * encoded.Length, name)];
                fixed (byte* pixels = samples)
                {
                    int format = cmyk ? TurboJpeg.PixelsCmyk : TurboJpeg.PixelsRgb;
                    if (TurboJpeg.Decompress(handle, jpeg, size, pixels, width, width * channels, height, format, TurboJpeg.FlagLimitScans) != 0)
                        Judge(handle, encoded, name);
                }

                var image = new RgbImage(width, height, cmyk ? CmykToRgb(samples) : samples);
                return Exif.Apply(image, Exif.Orientation(JpegMarkers.Exif(encoded)));
            }
        }
        finally
        {
            _ = TurboJpeg.Destroy(handle);
        }
    }

    static void Judge(nint handle, ReadOnlySpan<byte> encoded, string name)
    {
        string message = TurboJpeg.Error(handle);
        if (TurboJpeg.ErrorCode(handle) != TurboJpeg.ErrorWarning || !HarmlessWarning.IsMatch(message)) throw Bad(name, message);
        if (!JpegMarkers.HasEnd(encoded)) throw Bad(name, "Premature end of JPEG file");
    }

    static BadDataException Bad(string name, string message) =>
        new($"{name}: the JPEG image can't be decoded: {message}. Get a whole copy of the file, or leave it out.");

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
