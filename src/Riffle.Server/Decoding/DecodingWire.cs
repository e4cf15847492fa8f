using System.Runtime.InteropServices;
using System.Text;
using Riffle.Data;

namespace Riffle.Server.Decoding;

/// <summary>What a server and a process that decodes for it write to each other: a header of fixed size, and the bytes that it counts.</summary>
internal static class DecodingWire
{
    /// <summary>The most bytes of an error message.</summary>
    public const int MostMessage = 1 << 16;

    /// <summary>An image that needs more bytes has to ask for them. Most do not, so that they need not wait for an answer.</summary>
    public const long MostUnasked = 16 << 20;

    /// <summary>An image: this, its name, its file.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Order
    {
        public long MaxPixels;
        public int ImageSize, Fit, IsWhole, NameBytes, FileBytes;

        public Order(ImageView view, long maxPixels, int nameBytes, int fileBytes) =>
            (ImageSize, Fit, IsWhole, MaxPixels, NameBytes, FileBytes) = (view.ImageSize, (int)view.Fit, view.IsWhole ? 1 : 0, maxPixels, nameBytes, fileBytes);

        public readonly ImageView View => new(ImageSize, IsWhole != 0, (FitKind)Fit);
    }

    /// <summary>What became of it: this, and the pixels or a message. Or, before that, what it needs; the server then writes a byte when it may go on.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Reply
    {
        public long Needed;
        public Outcome Outcome;
        public int Width, Height, Bytes;
    }

    public enum Outcome
    {
        Decoded,

        /// <summary>The image is to blame; the message says why.</summary>
        Refused,

        OutOfMemory,

        /// <summary>It needs memory of what all images share.</summary>
        Asks,
    }

    /// <summary>Bytes of a header.</summary>
    public static Span<byte> BytesOf<T>(ref T header)
        where T : unmanaged => MemoryMarshal.AsBytes(new Span<T>(ref header));

    /// <summary>A message, cut to its greatest length.</summary>
    public static byte[] Encode(string message)
    {
        var bytes = Encoding.UTF8.GetBytes(message);
        return bytes.Length <= MostMessage ? bytes : bytes[..MostMessage];
    }
}
