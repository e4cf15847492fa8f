using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace Riffle.Formats;

/// <summary>What a file is, by its first bytes: for messages that say what somebody gave instead of what was expected.</summary>
internal static class FileKind
{
    /// <summary>How many of a file's first bytes <see cref="Describe"/> looks at.</summary>
    public const int Bytes = 512;

    /// <summary>Kinds that something is done with.</summary>
    public const string SafeTensors = "a safetensors file", Onnx = "an ONNX model", Torch = "a PyTorch file", Pickled = "a Python pickle",
        Text = "a text file", Json = "a JSON document", Empty = "empty";

    private static readonly (byte[] Magic, int At, string Kind)[] Magics =
    [
        ([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A], 0, "a PNG image"),
        ([0xFF, 0xD8, 0xFF], 0, "a JPEG image"),
        ("GIF87a"u8.ToArray(), 0, "a GIF image"),
        ("GIF89a"u8.ToArray(), 0, "a GIF image"),
        ("WEBP"u8.ToArray(), 8, "a WebP image"),
        ("II*\0"u8.ToArray(), 0, "a TIFF image"),
        ("MM\0*"u8.ToArray(), 0, "a TIFF image"),
        ("II+\0"u8.ToArray(), 0, "a BigTIFF image"),
        ("MM\0+"u8.ToArray(), 0, "a BigTIFF image"),
        ([0, 0, 0, 0x0C, (byte)'j', (byte)'P', (byte)' ', (byte)' '], 0, "a JPEG 2000 image"),
        ([0xFF, 0x4F, 0xFF, 0x51], 0, "a JPEG 2000 image"),
        ([0, 0, 0, 0x0C, (byte)'J', (byte)'X', (byte)'L', (byte)' '], 0, "a JPEG XL image"),
        ([0xFF, 0x0A], 0, "a JPEG XL image"),
        ("8BPS"u8.ToArray(), 0, "a Photoshop file"),
        ([0, 0, 1, 0], 0, "an icon (ICO)"),
        ("%PDF-"u8.ToArray(), 0, "a PDF document"),
        ("Rar!"u8.ToArray(), 0, "a RAR archive"),
        ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], 0, "a 7z archive"),
        ([0x1F, 0x8B], 0, "a gzip file"),
        ([0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0], 0, "an xz file"),
        ([0x28, 0xB5, 0x2F, 0xFD], 0, "a zstd file"),
        ("BZh"u8.ToArray(), 0, "a bzip2 file"),
        ("PK\u0005\u0006"u8.ToArray(), 0, "an empty zip file"),
        ("ustar"u8.ToArray(), 257, "a tar file"),
        ([0x89, (byte)'H', (byte)'D', (byte)'F', 0x0D, 0x0A, 0x1A, 0x0A], 0, "an HDF5 file (as written by Keras)"),
        ([0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'], 0, "a NumPy array"),
        ("PAR1"u8.ToArray(), 0, "a Parquet file"),
        ("SQLite format 3"u8.ToArray(), 0, "an SQLite database"),
        ("DICM"u8.ToArray(), 128, "a DICOM image"),

        // The magic number that PyTorch pickled before it wrote zip files.
        ([0x80, 2, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19], 0, Torch),
        ("TFL3"u8.ToArray(), 4, "a TensorFlow Lite model"),
        ("ET12"u8.ToArray(), 4, "an ExecuTorch program (.pte), which has no named weights"),
        ("GGUF"u8.ToArray(), 0, "a GGUF file"),
        ("version https://git-lfs"u8.ToArray(), 0, "a Git LFS pointer, not the file itself (run 'git lfs pull' in its repository)"),
    ];

    /// <summary>The kinds of the ISO base media format that are images, by their brand.</summary>
    private static readonly (string Brand, string Kind)[] Brands =
    [
        ("avif", "an AVIF image"), ("avis", "an AVIF image"),
        ("heic", "a HEIC image"), ("heix", "a HEIC image"), ("heim", "a HEIC image"), ("heis", "a HEIC image"), ("hevc", "a HEIC image"),
        ("mif1", "a HEIF image"), ("msf1", "a HEIF image"),
    ];

    /// <summary>The bytes of a file that its kind is told by.</summary>
    public static ReadOnlySpan<byte> StartOf(ReadOnlySpan<byte> file) => file[..Math.Min(file.Length, Bytes)];

    /// <summary>What a file is, with its article ("a WebP image"); null where its first bytes don't say.</summary>
    /// <param name="start">The first <see cref="Bytes"/> bytes, or all if there are fewer.</param>
    public static string? Describe(ReadOnlySpan<byte> start)
    {
        if (start.IsEmpty)
            return Empty;
        if (IsSafeTensors(start))
            return SafeTensors;
        foreach (var (magic, at, kind) in Magics)
        {
            if (start.Length >= at + magic.Length && start[at..].StartsWith(magic))
                return kind;
        }

        return Zip(start) ?? Media(start) ?? Bitmap(start) ?? Pickle(start) ?? Page(start) ?? Record(start) ?? Protobuf(start) ?? PlainText(start);
    }

    private static string? Media(ReadOnlySpan<byte> start)
    {
        if (start.Length < 12 || !start[4..].StartsWith("ftyp"u8))
            return null;
        var brand = Encoding.Latin1.GetString(start[8..12]);
        return Array.Find(Brands, known => known.Brand == brand).Kind ?? "a video (MP4 or MOV)";
    }

    /// <summary>Two letters are not enough to recognise a BMP, so this also checks the size of its header, which has few possible values.</summary>
    private static string? Bitmap(ReadOnlySpan<byte> start) =>
        start.Length >= 18 && start.StartsWith("BM"u8) && start[14] is 12 or 40 or 52 or 56 or 64 or 108 or 124 && start[15] == 0 ? "a BMP image" : null;

    private static string? Pickle(ReadOnlySpan<byte> start) => start.Length > 2 && start[0] == 0x80 && start[1] is >= 2 and <= 5 ? Pickled : null;

    /// <summary>The length of a header, of which nobody needs a gigabyte, and the brace that the header begins with.</summary>
    private static bool IsSafeTensors(ReadOnlySpan<byte> start) => start.Length > 8 && start[8] == '{' && start[4..8].IndexOfAnyExcept((byte)0) < 0;

    /// <summary>A zip file by the name of its first entry, which shows what wrote it.</summary>
    private static string? Zip(ReadOnlySpan<byte> start)
    {
        if (!start.StartsWith("PK\u0003\u0004"u8))
            return null;
        var length = start.Length < 30 ? 0 : Math.Min(BinaryPrimitives.ReadUInt16LittleEndian(start[26..]), start.Length - 30);
        var first = length == 0 ? "" : Encoding.Latin1.GetString(start.Slice(30, length));
        return first.EndsWith("/data.pkl", StringComparison.Ordinal) ? Torch
            : first.EndsWith(".npy", StringComparison.Ordinal) ? "a NumPy archive"
            : first is "metadata.json" or "config.json" ? "a Keras model (zip)"
            : "a zip file";
    }

    /// <summary>The length of the first record with its checksum.</summary>
    private static string? Record(ReadOnlySpan<byte> start) =>
        start.Length >= 12 && BinaryPrimitives.ReadUInt32LittleEndian(start[8..]) == TFRecordChecksum.Of(start[..8]) ? "a TFRecord file" : null;

    /// <summary>The version of ONNX, which comes first, and one of the fields that follow it: its writer, its graph or its operators' versions.</summary>
    private static string? Protobuf(ReadOnlySpan<byte> start) =>
        start.Length > 3 && start[0] == 0x08 && start[1] is >= 1 and <= 30 && start[2] is 0x12 or 0x1A or 0x22 or 0x3A or 0x42 ? Onnx : null;

    private static string? PlainText(ReadOnlySpan<byte> start)
    {
        var beyondAscii = 0;
        foreach (var value in start)
        {
            if (value is < 32 and not ((byte)'\t' or (byte)'\r' or (byte)'\n') or 127)
                return null;
            beyondAscii += value >> 7;
        }

        // UTF-8, in which the last letter may be cut off, or mostly Latin letters in another encoding.
        if (2 * beyondAscii > start.Length && !IsUtf8(start))
            return null;

        return start.TrimStart(" \t\r\n"u8) is [(byte)'{' or (byte)'[', ..] ? Json : Text;
    }

    private static bool IsUtf8(ReadOnlySpan<byte> start)
    {
        var isCut = start.Length == Bytes;
        return Utf8.IsValid(start) || (isCut && (Utf8.IsValid(start[..^1]) || Utf8.IsValid(start[..^2]) || Utf8.IsValid(start[..^3])));
    }

    private static string? Page(ReadOnlySpan<byte> start)
    {
        var text = Encoding.Latin1.GetString(start).TrimStart('\u00EF', '\u00BB', '\u00BF', ' ', '\t', '\r', '\n');
        return text.StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase) || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase)
            ? "a web page, perhaps saved instead of the file it links to"
            : text.StartsWith("<svg", StringComparison.OrdinalIgnoreCase) ? "an SVG drawing"
            : text.StartsWith("<?xml", StringComparison.Ordinal) ? "an XML document"
            : null;
    }
}
