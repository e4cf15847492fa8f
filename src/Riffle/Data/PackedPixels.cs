using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Riffle.Data;

/// <summary>RGB bytes as words of 32 bits, one for each pixel: red in the lowest byte, then green and blue. Vectors can then work on many pixels at
/// once.</summary>
internal static class PackedPixels
{
    /// <summary>Four pixels are one vector of words; 12 bytes of RGB are read and written as 16.</summary>
    private const int PixelsAtOnce = 4;

    /// <summary>Any index beyond the vector gives zero.</summary>
    private const byte None = 255;

    // Constants where they are used: a static field would cost a check in each round of the loops, which are compiled before it is set.
    private static Vector128<byte> Widened => Vector128.Create(0, 1, 2, None, 3, 4, 5, None, 6, 7, 8, None, 9, 10, 11, None);

    private static Vector128<byte> Narrowed => Vector128.Create(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, None, None, None, None);

    /// <summary>Reads whole pixels. Words beyond them become zero.</summary>
    public static void Read(ReadOnlySpan<byte> pixels, Span<uint> words)
    {
        var count = pixels.Length / 3;
        ref var from = ref MemoryMarshal.GetReference(pixels);
        ref var to = ref MemoryMarshal.GetReference(words[..count]);
        var i = 0;
        for (; (i * 3) + Vector128<byte>.Count <= pixels.Length; i += PixelsAtOnce)
            Vector128.Shuffle(Vector128.LoadUnsafe(ref from, (nuint)i * 3), Widened).AsUInt32().StoreUnsafe(ref to, (nuint)i);
        for (; i < count; i++)
            words[i] = pixels[i * 3] | ((uint)pixels[(i * 3) + 1] << 8) | ((uint)pixels[(i * 3) + 2] << 16);
        words[count..].Clear();
    }

    /// <summary>Writes as many words as there is room for as pixels.</summary>
    public static void Write(ReadOnlySpan<uint> words, Span<byte> pixels)
    {
        var count = pixels.Length / 3;
        ref var from = ref MemoryMarshal.GetReference(words[..count]);
        ref var to = ref MemoryMarshal.GetReference(pixels);
        var i = 0;

        // The four bytes behind the four pixels belong to the next ones, which are written later.
        for (; (i * 3) + Vector128<byte>.Count <= pixels.Length; i += PixelsAtOnce)
            Vector128.Shuffle(Vector128.LoadUnsafe(ref from, (nuint)i).AsByte(), Narrowed).StoreUnsafe(ref to, (nuint)i * 3);
        for (; i < count; i++)
            (pixels[i * 3], pixels[(i * 3) + 1], pixels[(i * 3) + 2]) = ((byte)words[i], (byte)(words[i] >> 8), (byte)(words[i] >> 16));
    }
}
