using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;

namespace Riffle.Tests.Formats;

/// <summary>Zip files as PyTorch writes them: nothing in them is compressed.</summary>
internal static class TorchArchive
{
    public static byte[] Of(params (string Name, byte[] Bytes)[] entries)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, bytes) in entries)
            {
                using var entry = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
                entry.Write(bytes);
            }
        }

        return stream.ToArray();
    }

    /// <summary>The entries of an archive.</summary>
    public static (string Name, byte[] Bytes)[] Entries(byte[] archive)
    {
        using var zip = new ZipArchive(new MemoryStream(archive));
        return [.. zip.Entries.Select(entry =>
        {
            using var stream = entry.Open();
            using var bytes = new MemoryStream();
            stream.CopyTo(bytes);
            return (entry.FullName, bytes.ToArray());
        })];
    }

    /// <summary>A state dict of floats, one storage for each tensor.</summary>
    public static byte[] StateDict(IEnumerable<(string Name, int[] Shape, ReadOnlyMemory<float> Values)> tensors) => Checkpoint(("", tensors));

    /// <summary>Dictionaries of tensors in one, each under a key; what has no key is in the outer one itself.</summary>
    public static byte[] Checkpoint(params (string Key, IEnumerable<(string Name, int[] Shape, ReadOnlyMemory<float> Values)> Tensors)[] sets)
    {
        var list = sets.SelectMany(set => set.Tensors, (set, t) => (set.Key, Tensor: t)).Select((t, i) => (t.Key, t.Tensor, Storage: $"{i}")).ToArray();
        using var pickle = new MemoryStream();
        pickle.Write([0x80, 2, (byte)'}']);
        foreach (var set in list.GroupBy(t => t.Key))
        {
            var items = Items(set.Select(t => (t.Tensor.Name, "Float", t.Storage, t.Tensor.Values.Length, 0, t.Tensor.Shape, Strides(t.Tensor.Shape))));
            if (set.Key.Length == 0)
                pickle.Write(items);
            else
                pickle.Write([(byte)'X', .. BitConverter.GetBytes(set.Key.Length), .. Encoding.ASCII.GetBytes(set.Key), (byte)'}', .. items, (byte)'s']);
        }

        pickle.WriteByte((byte)'.');
        return Of(
        [
            ("archive/data.pkl", pickle.ToArray()), .. list.Select(t => ($"archive/data/{t.Storage}", MemoryMarshal.AsBytes(t.Tensor.Values.Span).ToArray())),
        ]);
    }

    /// <summary>A dictionary of tensors as PyTorch spells it.</summary>
    public static byte[] Pickle(
        IEnumerable<(string Name, string Type, string Key, int Storage, int Offset, int[] Shape, int[] Strides)> tensors, char strings = 'X') =>
        [0x80, 2, (byte)'}', .. Items(tensors, strings), (byte)'.'];

    /// <summary>Tensors that are put into the dictionary on the stack.</summary>
    private static byte[] Items(
        IEnumerable<(string Name, string Type, string Key, int Storage, int Offset, int[] Shape, int[] Strides)> tensors, char strings = 'X')
    {
        using var stream = new MemoryStream();
        void Raw(string text) => stream.Write(Encoding.Latin1.GetBytes(text));
        void Number(char opcode, int value) => stream.Write([(byte)opcode, .. BitConverter.GetBytes(value)]);
        void String(string text)
        {
            if (strings == 'U')
                stream.Write([(byte)strings, (byte)text.Length]);
            else
                Number(strings, text.Length);
            Raw(text);
        }

        foreach (var (name, type, key, storage, offset, shape, strides) in tensors)
        {
            String(name);
            Raw("ctorch._utils\n_rebuild_tensor_v2\n((");
            String("storage");
            Raw($"ctorch\n{type}Storage\n");
            String(key);
            String("cpu");
            Number('J', storage);
            Raw("tQ");
            Number('J', offset);
            foreach (var values in new[] { shape, strides })
            {
                Raw("(");
                foreach (var value in values)
                    Number('J', value);
                Raw("t");
            }

            Raw("\x89" + "ccollections\nOrderedDict\n)RtRs");
        }

        return stream.ToArray();
    }

    private static int[] Strides(int[] shape) => [.. shape.Select((_, d) => shape[(d + 1)..].Aggregate(1, (a, b) => a * b))];
}
