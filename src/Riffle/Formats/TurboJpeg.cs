using System.Runtime.InteropServices;

namespace Riffle.Formats;

/// <summary>The functions of libjpeg-turbo's TurboJPEG API (2.0 and later, also in 3.x) that are used here. https://libjpeg-turbo.org/Documentation</summary>
static unsafe partial class TurboJpeg
{
    internal const int PixelsRgb = 0, PixelsCmyk = 11;
    internal const int ColourspaceCmyk = 3, ColourspaceYcck = 4;
    internal const int Subsampling420 = 2;
    internal const int ErrorWarning = 0;

    /// <summary>Stops at a progressive file with over 500 scans, which would keep the decoder busy for minutes.</summary>
    internal const int FlagLimitScans = 1 << 15;

    static TurboJpeg() => NativeLibraries.Use();

    [LibraryImport(NativeLibraries.TurboJpeg, EntryPoint = "tjInitDecompress")]
    internal static partial nint InitDecompress();

    [LibraryImport(NativeLibraries.TurboJpeg, EntryPoint = "tjInitCompress")]
    internal static partial nint InitCompress();

    [LibraryImport(NativeLibraries.TurboJpeg, EntryPoint = "tjDestroy")]
    internal static partial int Destroy(nint handle);

    [LibraryImport(NativeLibraries.TurboJpeg, EntryPoint = "tjDecompressHeader3")]
    internal static partial int DecompressHeader(nint handle, byte* jpeg, CULong size, ref int width, ref int height, ref int subsampling, ref int colourspace);

    [LibraryImport(NativeLibraries.TurboJpeg, EntryPoint = "tjDecompress2")]
    internal static partial int Decompress(nint handle, byte* jpeg, CULong size, byte* pixels, int width, int pitch, int height, int pixelFormat, int flags);

    [LibraryImport(NativeLibraries.TurboJpeg, EntryPoint = "tjCompress2")]
    internal static partial int Compress(
        nint handle, byte* pixels, int width, int pitch, int height, int pixelFormat, ref byte* jpeg, ref CULong size, int subsampling, int quality, int flags);

    [LibraryImport(NativeLibraries.TurboJpeg, EntryPoint = "tjFree")]
    internal static partial void Free(byte* buffer);

    [LibraryImport(NativeLibraries.TurboJpeg, EntryPoint = "tjGetErrorCode")]
    internal static partial int ErrorCode(nint handle);

    [LibraryImport(NativeLibraries.TurboJpeg, EntryPoint = "tjGetErrorStr2")]
    private static partial nint ErrorString(nint handle);

    /// <summary>What went wrong in the last call with this handle, in the library's words.</summary>
    internal static string Error(nint handle) => Marshal.PtrToStringUTF8(ErrorString(handle)) ?? "unknown error";
}
