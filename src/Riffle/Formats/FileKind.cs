using System.Text;

namespace Riffle.Formats;

/// <summary>What a file is, by its first bytes: for messages that say what somebody gave instead of what was expected.</summary>
internal static class FileKind
{
    /// <summary>How many of a file's first bytes <see cref="Describe"/> looks at.</summary>
    public const int Bytes = 512;

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
        ("PK\u0003\u0004"u8.ToArray(), 0, "a zip file"),
        ("PK\u0005\u0006"u8.ToArray(), 0, "an empty zip file"),
        ("ustar"u8.ToArray(), 257, "a tar file"),
        ([0x89, (byte)'H', (byte)'D', (byte)'F', 0x0D, 0x0A, 0x1A, 0x0A], 0, "an HDF5 file (Keras writes such)"),
        ([0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'], 0, "a NumPy array"),
        ("TFL3"u8.ToArray(), 4, "a TensorFlow Lite model"),
        ("ET12"u8.ToArray(), 4, "a program of ExecuTorch (.pte), which holds no weights by name"),
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

    /// <summary>What a file is, with its article ("a WebP image"); null where its first bytes don't say.</summary>
    /// <param name="start">The first bytes, <see cref="Bytes"/> of them where there are so many.</param>
    public static string? Describe(ReadOnlySpan<byte> start)
    {
        if (start.IsEmpty)
            return "empty";
        foreach (var (magic, at, kind) in Magics)
        {
            if (start.Length >= at + magic.Length && start[at..].StartsWith(magic))
                return kind;
        }

        return Media(start) ?? Bitmap(start) ?? Pickle(start) ?? Page(start);
    }

    private static string? Media(ReadOnlySpan<byte> start)
    {
        if (start.Length < 12 || !start[4..].StartsWith("ftyp"u8))
            return null;
        var brand = Encoding.Latin1.GetString(start[8..12]);
        return Array.Find(Brands, known => known.Brand == brand).Kind ?? "a video (MP4 or MOV)";
    }

    /// <summary>Two letters are not enough to tell a BMP: the size of its header, which follows, is one of few.</summary>
    private static string? Bitmap(ReadOnlySpan<byte> start) =>
        start.Length >= 18 && start.StartsWith("BM"u8) && start[14] is 12 or 40 or 52 or 56 or 64 or 108 or 124 && start[15] == 0 ? "a BMP image" : null;

    private static string? Pickle(ReadOnlySpan<byte> start) => start.Length > 2 && start[0] == 0x80 && start[1] is >= 2 and <= 5 ? "a Python pickle" : null;

    private static string? Page(ReadOnlySpan<byte> start)
    {
        var text = Encoding.Latin1.GetString(start).TrimStart('\u00EF', '\u00BB', '\u00BF', ' ', '\t', '\r', '\n');
        return text.StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase) || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase)
            ? "a web page, perhaps saved in place of the file it offers"
            : text.StartsWith("<svg", StringComparison.OrdinalIgnoreCase) ? "an SVG drawing"
            : text.StartsWith("<?xml", StringComparison.Ordinal) ? "an XML document"
            : null;
    }
}
