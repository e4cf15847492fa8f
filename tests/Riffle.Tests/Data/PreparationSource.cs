using System.Formats.Tar;
using System.IO.Compression;

namespace Riffle.Tests.Data;

/// <summary>Files of a made-up source by name, which become a folder or an archive. A name that ends with '/' is an empty folder.</summary>
internal sealed class PreparationSource
{
    public SortedDictionary<string, byte[]> Files { get; } = new(StringComparer.Ordinal);

    public static string[] AllKinds => ["folder", "zip", "tar.gz", "tar"];

    public static TheoryData<string> Kinds => [.. AllKinds];

    /// <summary>train/CLASS with 6 images and val/CLASS with 2, in one folder.</summary>
    public static PreparationSource ClassFolders(params string[] classes)
    {
        var source = new PreparationSource();
        for (var c = 0; c < classes.Length; c++)
        {
            for (var i = 0; i < 8; i++)
                source.Files[$"pets/{(i < 6 ? "train" : "val")}/{classes[c]}/{i}.jpg"] = Jpeg((c * 100) + i);
        }

        return source;
    }

    /// <summary>CLASS with some images, in nothing else.</summary>
    public static PreparationSource OneLevel(int images, params string[] classes)
    {
        var source = new PreparationSource();
        for (var c = 0; c < classes.Length; c++)
        {
            for (var i = 0; i < images; i++)
                source.Files[$"{classes[c]}/{i}.jpg"] = Jpeg((c * 1000) + i);
        }

        return source;
    }

    /// <summary>Three classes of four images and six for validation, as Tiny ImageNet is laid out.</summary>
    public static PreparationSource TinyImageNet()
    {
        var source = new PreparationSource();
        string[] ids = ["n03", "n01", "n02"];
        for (var c = 0; c < 3; c++)
        {
            source.Files[$"tiny/train/{ids[c]}/{ids[c]}_boxes.txt"] = "box\t1"u8.ToArray();
            for (var i = 0; i < 4; i++)
                source.Files[$"tiny/train/{ids[c]}/images/{ids[c]}_{i}.JPEG"] = Jpeg((c * 10) + i);
        }

        for (var i = 0; i < 6; i++)
            source.Files[$"tiny/val/images/val_{i}.JPEG"] = Jpeg(100 + i);
        source.Files["tiny/test/images/test_0.JPEG"] = Jpeg(200);
        source.Add("tiny/val/val_annotations.txt", string.Concat(Enumerable.Range(0, 6).Select(i => $"val_{i}.JPEG\t{ids[i % 3]}\t0\t0\t9\t9\n")));
        source.Add("tiny/wnids.txt", "n03\nn01\nn02\n");
        source.Add("tiny/words.txt", "n00\tnothing\nn01\tgoldfish, carp\nn02\tshark\r\nn03\tray\n");
        return source;
    }

    /// <summary>A small picture, another for each number.</summary>
    public static byte[] Jpeg(int number, int width = 12, int height = 10) => JpegEncoder.Encode(new RgbImage(width, height, Pixels(number, width, height)));

    /// <summary>The smallest sort of PNG: 1×1, black.</summary>
    public static byte[] Png() => Convert.FromBase64String("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAAAElFTkSuQmCC");

    public void Add(string name, string text) => Files[name] = System.Text.Encoding.UTF8.GetBytes(text);

    /// <summary>Writes the source as a folder, zip, tar.gz or tar, and returns its path.</summary>
    public string Write(string kind, string directory)
    {
        var path = Path.Combine(directory, kind == "folder" ? "source" : "source." + kind);
        switch (kind)
        {
            case "folder":
                WriteFolder(path);
                break;
            case "zip":
                WriteZip(path);
                break;
            default:
                using (var file = File.Create(path))
                {
                    using Stream stream = kind == "tar" ? file : new GZipStream(file, CompressionLevel.Fastest);
                    WriteTar(stream);
                }

                break;
        }

        return path;
    }

    private void WriteFolder(string path)
    {
        foreach (var (name, bytes) in Files)
        {
            var file = Path.Combine(path, name);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            if (!name.EndsWith('/'))
                File.WriteAllBytes(file, bytes);
        }
    }

    private void WriteZip(string path)
    {
        using var zip = ZipFile.Open(path, ZipArchiveMode.Create);
        foreach (var (name, bytes) in Files)
        {
            using var stream = zip.CreateEntry(name).Open();
            stream.Write(bytes);
        }
    }

    /// <summary>In another order than by name, as real archives are.</summary>
    private void WriteTar(Stream stream)
    {
        using var tar = new TarWriter(stream, TarEntryFormat.Pax);
        foreach (var (name, bytes) in Files.Reverse())
        {
            tar.WriteEntry(name.EndsWith('/')
                ? new PaxTarEntry(TarEntryType.Directory, name)
                : new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(bytes) });
        }
    }

    private static byte[] Pixels(int number, int width, int height)
    {
        var pixels = new byte[width * height * 3];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)((number * 37) + (i * (1 + (number % 5))));
        return pixels;
    }
}
