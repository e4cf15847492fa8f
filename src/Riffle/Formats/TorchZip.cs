using System.IO.Compression;
using System.IO.Hashing;

namespace Riffle.Formats;

/// <summary>
/// The form that <c>torch.save</c> writes since PyTorch 1.6: a zip file, nothing in it compressed, with a pickle of the names and shapes (<c>data.pkl</c>)
/// and a file of values for each storage (<c>data/KEY</c>). https://docs.pytorch.org/docs/stable/notes/serialization.html
/// </summary>
internal static class TorchZip
{
    /// <exception cref="BadDataException">It is damaged, or another zip file.</exception>
    /// <exception cref="InvalidDataException">It is no zip file.</exception>
    public static TorchContent Read(string path)
    {
        var zip = ZipFile.OpenRead(path);
        try
        {
            return Read(zip, path);
        }
        catch
        {
            zip.Dispose();
            throw;
        }
    }

    private static TorchContent Read(ZipArchive zip, string path)
    {
        var names = zip.Entries.Select(entry => entry.FullName).ToArray();
        var pickles = Array.FindAll(names, name => name == "data.pkl" || name.EndsWith("/data.pkl", StringComparison.Ordinal));
        if (ZipKinds.Describe(names, pickles.Length > 0, path) is { } kind)
            throw new BadDataException($"{path}: {kind}");
        if (pickles.Length == 0)
            throw new BadDataException($"{path}: the zip file has no data.pkl, so torch.save did not write it");
        if (pickles.Length > 1)
            throw new BadDataException($"{path}: the zip file contains several files of torch.save ({pickles[0]}, {pickles[1]}); unpack it and give one of them");
        var entries = Entries(zip, path, new FileInfo(path).Length);
        var folder = pickles[0][..^"data.pkl".Length];
        if (entries.TryGetValue(folder + "byteorder", out var order) && !Bytes(order, path).AsSpan().SequenceEqual("little"u8))
            throw new BadDataException($"{path}: its values are not little-endian; save it again on a little-endian machine");

        var bytes = Bytes(entries[pickles[0]], path);
        var (name, budget) = ($"{path}: data.pkl", new TorchBudget(bytes.Length, $"{path}: data.pkl"));
        var (root, _) = TorchPickle.Load(bytes, name, budget);
        return new(root, budget, key => entries.TryGetValue($"{folder}data/{key}", out var entry) ? Bytes(entry, path) : default(ReadOnlyMemory<byte>?), zip);
    }
    /// <summary>The files of the archive by name. None is compressed, and together they are not larger than the archive.</summary>
    private static Dictionary<string, ZipArchiveEntry> Entries(ZipArchive zip, string path, long size)
    {
        var entries = new Dictionary<string, ZipArchiveEntry>();
        var total = 0L;
        foreach (var entry in zip.Entries)
        {
            if (entry.Length != entry.CompressedLength || entry.IsEncrypted)
                throw new BadDataException($"{path}: {entry.FullName} is compressed or encrypted, which torch.save never does; save it again with torch.save");
            if (entry.Length < 0 || (total += entry.Length) > size)
                throw new BadDataException($"{path}: the zip directory lists more bytes than the file has; the file is damaged, download or copy it again");
            if (!entries.TryAdd(entry.FullName, entry))
                throw new BadDataException($"{path}: {entry.FullName} is in it twice; the file is damaged, download or copy it again");
        }

        return entries;
    }

    private static byte[] Bytes(ZipArchiveEntry entry, string path)
    {
        if (entry.Length > Array.MaxLength)
            throw new BadDataException($"{path}: {entry.FullName} has {entry.Length} bytes, too many for memory");
        var bytes = new byte[entry.Length];
        using var stream = entry.Open();
        if (stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length || Crc32.HashToUInt32(bytes) != entry.Crc32)
            throw new BadDataException($"{path}: the checksum of {entry.FullName} is wrong; the file is damaged, download or copy it again");
        return bytes;
    }
}
