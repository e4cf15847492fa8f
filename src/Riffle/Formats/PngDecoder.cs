using System.Buffers.Binary;

namespace Riffle.Formats;

/// <summary>PNG to upright RGB through libpng's simplified interface.</summary>
static unsafe class PngDecoder
{
    /// <summary>The first eight bytes of every PNG file.</summary>
    internal static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    internal static RgbImage Decode(ReadOnlySpan<byte> encoded, string name)
    {
        byte[] bare = PictureChunks(encoded, name, out int orientation);
        var image = new LibPng.Image { Version = LibPng.Version };
        try
        {
            fixed (byte* memory = bare)
            {
                if (LibPng.BeginRead(&image, memory, (nuint)bare.Length) == 0) throw Corrupt(name, LibPng.Error(&image));
                bool alpha = (image.Format & LibPng.FormatAlpha) != 0;
                int channels = alpha ? 4 : 3;
                var samples = new byte[ImageDecoder.BytesFor(image.Width, image.Height, channels, name)];
                image.Format = alpha ? LibPng.FormatRgba : LibPng.FormatRgb;
                image.Flags |= LibPng.Flag16BitSrgb;
                int width = (int)image.Width, height = (int)image.Height;
                fixed (byte* pixels = samples)
                    if (LibPng.FinishRead(&image, null, pixels, width * channels, null) == 0)
                        throw Corrupt(name, LibPng.Error(&image));
                return Exif.Apply(new RgbImage(width, height, alpha ? WithoutAlpha(samples) : samples), orientation);
            }
        }
        finally
        {
            LibPng.Free(&image);
        }
    }

    /// <summary>
    /// The file without the chunks that do not make the picture. Left to libpng, a gamma or a colour profile would change the samples, which
    /// the decoders that networks are trained with leave alone; and what is not needed can't do harm. The walk also finds a file cut off after
    /// its last row, which libpng does not look at.
    /// </summary>
    static byte[] PictureChunks(ReadOnlySpan<byte> encoded, string name, out int orientation)
    {
        const int Overhead = 12; // length, type, checksum
        orientation = 1;
        var kept = new byte[encoded.Length];
        Signature.CopyTo(kept);
        int at = Signature.Length, size = at;
        for (bool end = false; !end;)
        {
            var rest = encoded[at..];
            uint length = rest.Length >= Overhead ? BinaryPrimitives.ReadUInt32BigEndian(rest) : uint.MaxValue;
            if (length > rest.Length - Overhead) throw Corrupt(name, $"the file ends within the chunk at byte {at}");
            var chunk = rest[..((int)length + Overhead)];
            var type = chunk.Slice(4, 4);
            if (type.SequenceEqual("eXIf"u8)) orientation = Exif.Orientation(chunk[8..^4]);
            if ((type[0] & 0x20) == 0 || type.SequenceEqual("tRNS"u8))
            {
                chunk.CopyTo(kept.AsSpan(size));
                size += chunk.Length;
            }

            end = type.SequenceEqual("IEND"u8);
            at += chunk.Length;
        }

        return kept[..size];
    }

    static BadDataException Corrupt(string name, string message) => new($"{name}: a damaged PNG image: {message}. Get a whole copy of the file, or leave it out.");

    static byte[] WithoutAlpha(byte[] rgba)
    {
        var rgb = new byte[rgba.Length / 4 * 3];
        for (int from = 0, to = 0; from < rgba.Length; from += 4, to += 3)
            (rgb[to], rgb[to + 1], rgb[to + 2]) = (rgba[from], rgba[from + 1], rgba[from + 2]);
        return rgb;
    }
}
