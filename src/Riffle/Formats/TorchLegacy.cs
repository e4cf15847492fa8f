using System.Buffers.Binary;
using System.Numerics;

namespace Riffle.Formats;

/// <summary>
/// The form that <c>torch.save</c> wrote before PyTorch 1.6, which many public weights still have: five consecutive pickles (a magic number, a
/// version, facts of the machine, the object, the keys of its storages), then for each key the number of its values (64 bits) and the values.
/// torch/serialization.py, <c>_legacy_save</c>.
/// </summary>
internal static class TorchLegacy
{
    /// <summary>The magic number as the pickle protocols write it: 0 and 1 as text, 2 and 3, and 4 and 5 in a frame.</summary>
    private static readonly byte[][] Magics =
    [
        "L119547037146038801333356L\n."u8.ToArray(),
        .. from protocol in (byte[])[2, 3] select (byte[])[0x80, protocol, .. Number],
        .. from protocol in (byte[])[4, 5] select (byte[])[0x80, protocol, 0x95, 13, 0, 0, 0, 0, 0, 0, 0, .. Number],
    ];

    private static byte[] Number => [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, (byte)'.'];

    /// <summary>Whether a file with these first bytes begins with the magic number.</summary>
    public static bool IsLegacy(ReadOnlySpan<byte> start)
    {
        foreach (var magic in Magics)
        {
            if (start.StartsWith(magic))
                return true;
        }

        return false;
    }

    /// <exception cref="BadDataException">It is damaged.</exception>
    public static TorchContent Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var budget = new TorchBudget(bytes.Length, path);
        var at = 0;
        var (magic, _) = TorchPickle.Load(bytes, path, budget, ref at);
        var (version, _) = TorchPickle.Load(bytes, path, budget, ref at);
        var (machine, _) = TorchPickle.Load(bytes, path, budget, ref at);
        if (magic is not BigInteger || version is not 1001L || machine is not PickledDictionary facts || facts["little_endian"] is not true)
            throw new BadDataException($"{path}: byte {at}: not version 1001, or not little-endian; save it again in PyTorch");
        var (root, storages) = TorchPickle.Load(bytes, path, budget, ref at);
        var (keys, _) = TorchPickle.Load(bytes, path, budget, ref at);
        if (keys is not List<object?> list)
            throw new BadDataException($"{path}: byte {at}: the list of storages is missing; the file is damaged, download or copy it again");

        var values = new Dictionary<string, ReadOnlyMemory<byte>>();
        foreach (var item in list)
        {
            if (item is not string key || !storages.TryGetValue(key, out var storage) || bytes.Length - at < sizeof(long))
                throw new BadDataException($"{path}: byte {at}: a storage is missing; the file is truncated or damaged, download or copy it again");
            var count = BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(at));
            at += sizeof(long);
            var width = storage.Type.Width;
            if (count < 0 || count > (bytes.Length - at) / width || !values.TryAdd(key, bytes.AsMemory(at, (int)count * width)))
                throw new BadDataException($"{path}: byte {at}: a storage should have {count} values, but only {bytes.Length - at} bytes are left; download or copy the file again");
            at += (int)count * width;
        }

        return new(root, budget, key => values.TryGetValue(key, out var found) ? found : default(ReadOnlyMemory<byte>?));
    }
}
