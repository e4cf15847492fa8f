using System.Runtime.InteropServices;

namespace Riffle.Formats;

/// <summary>PNG to upright RGB through libpng's simplified interface.</summary>
static unsafe class PngDecoder
{
    /// <summary>Deflate makes at most 1032 bytes of one (two bits for a run of 258), and a byte has at most eight pixels.</summary>
    const long MaxPixelsPerByte = 8 * 1032;

    internal static RgbImage Decode(ReadOnlySpan<byte> encoded, string name, long mostWhole)
    {
        var chunks = PngChunks.Find(encoded, name);
        var (width, height) = chunks.Size(encoded, name);
        ImageDecoder.CheckSize(width, height, MaxPixelsPerByte * encoded.Length, name);
        using var turn = (long)width * height > mostWhole ? ImageDecoder.WaitForTurn() : null;
        var image = turn is null ? DecodeWhole(chunks.Bare(encoded), name) : HalvedPng.Decode(encoded, chunks, name);
        return Exif.Apply(image, chunks.Orientation);
    }

    static RgbImage DecodeWhole(byte[] bare, string name)
    {
        var image = new LibPng.Image { Version = LibPng.Version };
        try
        {
            fixed (byte* memory = bare)
            {
                if (LibPng.BeginRead(&image, memory, (nuint)bare.Length) == 0) throw Bad(name, LibPng.Error(&image));
                uint alpha = image.Format & LibPng.FormatAlpha, deep = image.Format & LibPng.FormatLinear;
                int channels = alpha != 0 ? 4 : 3;
                int bytes = deep != 0 ? channels * sizeof(ushort) : channels;
                var samples = new byte[checked((int)(image.Width * image.Height * (long)bytes))];
                image.Format = LibPng.FormatColour | alpha | deep;
                fixed (byte* pixels = samples)
                    if (LibPng.FinishRead(&image, null, pixels, 0, null) == 0)
                        throw Bad(name, LibPng.Error(&image));
                var rgb = deep != 0 ? Narrow(MemoryMarshal.Cast<byte, ushort>(samples), channels) : alpha != 0 ? WithoutAlpha(samples) : samples;
                return new RgbImage((int)image.Width, (int)image.Height, rgb);
            }
        }
        finally
        {
            LibPng.Free(&image);
        }
    }

    internal static BadDataException Bad(string name, string message) =>
        new($"{name}: can't decode the PNG image: {message}. Copy the file again, or remove it.");

    /// <summary>
    /// The upper 8 of 16 bits. When 8 bits of a 16-bit file are requested, libpng's simplified interface mixes up the rows of interlaced files
    /// (https://github.com/pnggroup/libpng/issues/853), so 16 are requested. They come multiplied by alpha, which is divided out again; a
    /// wholly transparent pixel stays black.
    /// </summary>
    static byte[] Narrow(ReadOnlySpan<ushort> samples, int channels)
    {
        var rgb = new byte[samples.Length / channels * 3];
        for (int from = 0, to = 0; from < samples.Length; from += channels)
        {
            uint alpha = channels == 4 ? Math.Max(1u, samples[from + 3]) : ushort.MaxValue;
            for (int c = 0; c < 3; c++, to++)
                rgb[to] = (byte)(Math.Min((samples[from + c] * (uint)ushort.MaxValue + alpha / 2) / alpha, ushort.MaxValue) >> 8);
        }

        return rgb;
    }

    static byte[] WithoutAlpha(byte[] rgba)
    {
        var rgb = new byte[rgba.Length / 4 * 3];
        for (int from = 0, to = 0; from < rgba.Length; from += 4, to += 3)
            (rgb[to], rgb[to + 1], rgb[to + 2]) = (rgba[from], rgba[from + 1], rgba[from + 2]);
        return rgb;
    }
}
