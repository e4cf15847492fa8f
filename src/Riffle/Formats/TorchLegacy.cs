using System.Buffers.Binary;

namespace Riffle.Formats;

/// <summary>
/// The form that <c>torch.save</c> wrote before PyTorch 1.6, and in which many public weights still are: five pickles behind each other (a magic number, a
/// version, facts of the machine, the object, the keys of its storages), then for each key the number of its values (64 bits) and the values.
/// torch/serialization.py, <c>_legacy_save</c>.
/// </summary>
internal static class TorchLegacy
{
    private static ReadOnlySpan<byte> Magic => [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, (byte)'.'];

    /// <summary>Whether a file begins with the magic number.</summary>
    public static bool IsOne(string path)
    {
        using var file = File.OpenRead(path);
        Span<byte> start = stackalloc byte[Magic.Length];
        return file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == start.Length && start.SequenceEqual(Magic);
    }

    /// <exception cref="BadDataException">It is damaged, or holds something else than tensors and containers.</exception>
    public static TorchContent Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var at = Magic.Length;
        var (version, _) = TorchPickle.Load(bytes, path, ref at);
        var (machine, _) = TorchPickle.Load(bytes, path, ref at);
        if (version is not 1001L || machine is not PickledDictionary facts || !facts.Items.Contains(("little_endian", true)))
            throw new BadDataException($"{path}: byte {Magic.Length}: of another version than 1001, or not little-endian; save it anew in PyTorch");
        var (root, storages) = TorchPickle.Load(bytes, path, ref at);
        var (keys, _) = TorchPickle.Load(bytes, path, ref at);
        if (keys is not List<object?> list)
            throw new BadDataException($"{path}: byte {at}: the list of its storages is missing; it is damaged, get a whole copy");

        var values = new Dictionary<string, ReadOnlyMemory<byte>>();
        foreach (var item in list)
        {
            if (item is not string key || !storages.TryGetValue(key, out var storage) || bytes.Length - at < sizeof(long))
                throw new BadDataException($"{path}: byte {at}: a storage of values is missing; the file is cut off or damaged, get a whole copy");
            var count = BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(at));
            at += sizeof(long);
            var width = TensorValues.BytesPerValue(storage.Type)!.Value;
            if (count < 0 || count > (bytes.Length - at) / width || !values.TryAdd(key, bytes.AsMemory(at, (int)count * width)))
                throw new BadDataException($"{path}: byte {at}: a storage should hold {count} values, {bytes.Length - at} bytes are left; get a whole copy");
            at += (int)count * width;
        }

        return new(root, key => values.TryGetValue(key, out var found) ? found : default(ReadOnlyMemory<byte>?));
    }
}
