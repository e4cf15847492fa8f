using System.Runtime.InteropServices;

namespace Riffle.Formats;

/// <summary>libpng's simplified interface (1.6). http://www.libpng.org/pub/png/libpng-manual.txt, section V</summary>
static unsafe partial class LibPng
{
    internal const uint Version = 1;

    /// <summary>Bits of a format: an alpha channel, colour, samples of 16 bits taken as linear.</summary>
    internal const uint FormatAlpha = 1, FormatColour = 2, FormatLinear = 4;

    /// <summary>png_image; its field names are kept.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Image
    {
        internal nint Opaque;
        internal uint Version;
        internal uint Width;
        internal uint Height;
        internal uint Format;
        internal uint Flags;
        internal uint ColormapEntries;
        internal uint WarningOrError;
        internal fixed byte Message[64];
    }

    static LibPng() => NativeLibraries.Use();

    [LibraryImport(NativeLibraries.Png, EntryPoint = "png_image_begin_read_from_memory")]
    internal static partial int BeginRead(Image* image, byte* memory, nuint size);

    [LibraryImport(NativeLibraries.Png, EntryPoint = "png_image_finish_read")]
    internal static partial int FinishRead(Image* image, void* background, void* buffer, int rowStride, void* colormap);

    [LibraryImport(NativeLibraries.Png, EntryPoint = "png_image_free")]
    internal static partial void Free(Image* image);

    /// <summary>What went wrong in the last call with this image, in the library's words.</summary>
    internal static string Error(Image* image) => Marshal.PtrToStringUTF8((nint)image->Message) ?? "unknown error";
}
