using System.Buffers;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using SkiaSharp;

namespace Riffle.Images;

/// <summary>An image file as Skia reads it: its size, its orientation, its pixels. The only place that decodes with SkiaSharp.</summary>
/// <remarks>Colours come as they are stored: without colour profile and gamma, and not multiplied by alpha, which is dropped.</remarks>
internal sealed unsafe class SkiaImage : IDisposable
{
    private const int StripBytes = 1 << 18;

    private readonly string _format, _name;
    private readonly SKData _data;
    private readonly SKMemoryStream _stream;
    private readonly SKCodec _codec;

    /// <summary>Opens a file and reads its header.</summary>
    /// <param name="file">The bytes, which must stay where they are.</param>
    /// <param name="length">Their number.</param>
    /// <param name="format">The format's name, for messages.</param>
    /// <param name="name">The file's name, for messages.</param>
    /// <exception cref="BadDataException">The header is damaged.</exception>
    public SkiaImage(byte* file, int length, string format, string name)
    {
        (_format, _name) = (format, name);
        _data = SKData.Create((nint)file, length);
        _stream = new(_data);
        _codec = SKCodec.Create(_stream, out var result) ?? throw Failed(result);
        (Width, Height) = (_codec.Info.Width, _codec.Info.Height);
    }

    /// <summary>Columns as stored, before the image is turned upright.</summary>
    public int Width { get; }

    /// <summary>Rows as stored.</summary>
    public int Height { get; }

    /// <summary>The EXIF orientation, 1 to 8.</summary>
    public int Orientation => (int)_codec.EncodedOrigin;

    /// <summary>An error in the form of all decoders.</summary>
    public static BadDataException Bad(string format, string name, string message) =>
        new($"{name}: can't decode the {format} image: {message}. Copy the file again, or remove it.");

    /// <summary>Decodes the whole image at once, with memory for four bytes a pixel beside the result.</summary>
    public RgbImage Decode()
    {
        var info = Rgba(Width, Height);
        var rgba = (byte*)NativeMemory.AllocZeroed((nuint)info.BytesSize64);
        try
        {
            Check(_codec.GetPixels(info, (nint)rgba, info.RowBytes, new SKCodecOptions(SKZeroInitialized.Yes)));
            var pixels = new byte[checked(Width * Height * 3)];
            WithoutAlpha(new(rgba, checked((int)info.BytesSize64)), pixels);
            return new(Width, Height, pixels);
        }
        finally
        {
            NativeMemory.Free(rgba);
        }
    }

    /// <summary>Whether the rows of a PNG can be decoded one after another: not if they come in passes, or if Skia first turns all into another form.</summary>
    public bool HasRows() => _codec.StartScanlineDecode(Rgba(Width, Height)) == SKCodecResult.Success;

    /// <summary>Decodes some rows at a time, with little memory beside the result. Only for JPEG, and for PNG that <see cref="HasRows"/>.</summary>
    /// <param name="part">The part of its width and height at which it is decoded, as its reciprocal: 1, 2, 4 or 8; for PNG only 1.</param>
    public RgbImage DecodeRows(int part)
    {
        var size = _codec.GetScaledDimensions(1f / part);
        var info = Rgba(size.Width, size.Height);
        var pixels = new byte[checked(size.Width * size.Height * 3)];
        var strip = Math.Clamp(StripBytes / info.RowBytes, 1, size.Height);
        var rgba = ArrayPool<byte>.Shared.Rent(strip * info.RowBytes);
        try
        {
            Check(_codec.StartScanlineDecode(info));
            fixed (byte* to = rgba)
            {
                for (var row = 0; row < size.Height; row += strip)
                {
                    var rows = Math.Min(strip, size.Height - row);
                    if (_codec.GetScanlines((nint)to, rows, info.RowBytes) != rows)
                        throw Failed(SKCodecResult.IncompleteInput);
                    WithoutAlpha(rgba.AsSpan(0, rows * info.RowBytes), pixels.AsSpan(row * size.Width * 3));
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rgba);
        }

        return new(size.Width, size.Height, pixels) { FullWidth = Width, FullHeight = Height };
    }

    public void Dispose()
    {
        _codec.Dispose();
        _stream.Dispose();
        _data.Dispose();
    }

    private static SKImageInfo Rgba(int width, int height) => new(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul, colorspace: null);

    /// <summary>Four pixels at a time, then one.</summary>
    private static void WithoutAlpha(ReadOnlySpan<byte> rgba, Span<byte> rgb)
    {
        var colours = Vector128.Create((byte)0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 0, 0, 0, 0);
        int from = 0, to = 0;
        for (; from + 16 <= rgba.Length && to + 16 <= rgb.Length; from += 16, to += 12)
            Vector128.Shuffle(Vector128.Create(rgba[from..]), colours).CopyTo(rgb[to..]);
        for (; from < rgba.Length; from += 4, to += 3)
            (rgb[to], rgb[to + 1], rgb[to + 2]) = (rgba[from], rgba[from + 1], rgba[from + 2]);
    }

    private void Check(SKCodecResult result)
    {
        if (result != SKCodecResult.Success)
            throw Failed(result);
    }

    private BadDataException Failed(SKCodecResult result) => Bad(_format, _name, result switch
    {
        SKCodecResult.IncompleteInput => "the file ends before the image does",
        SKCodecResult.Unimplemented => "it is of an unusual kind",
        _ => "its header or its data are damaged",
    });
}
