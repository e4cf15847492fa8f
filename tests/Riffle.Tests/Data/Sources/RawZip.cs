using System.IO.Hashing;
using System.Text;

namespace Riffle.Tests.Data.Sources;

/// <summary>A zip file whose every field can be chosen; contents are stored as they are, whatever the method says.</summary>
internal static class RawZip
{
    internal sealed record Entry(byte[] Name, byte[] Content, int Flags = 0, int Method = 0, byte[]? Extra = null)
    {
        public const int Utf8 = 1 << 11, Encrypted = 1;

        /// <summary>A name in UTF-8 beside the one that is there, as Info-ZIP writes it.</summary>
        public Entry WithUnicodePath(string name, uint? crc = null)
        {
            var text = Encoding.UTF8.GetBytes(name);
            return this with { Extra = [0x75, 0x70, .. Short(text.Length + 5), 1, .. BitConverter.GetBytes(crc ?? Crc32.HashToUInt32(Name)), .. text] };
        }
    }

    public static byte[] Of(IEnumerable<Entry> entries, int disk = 0)
    {
        var (files, directory, count) = (new List<byte>(), new List<byte>(), 0);
        foreach (var entry in entries)
        {
            var extra = entry.Extra ?? [];
            byte[] common =
            [
                20, 0, .. Short(entry.Flags), .. Short(entry.Method), 0, 0, 0x21, 0x58, .. Int((int)Crc32.HashToUInt32(entry.Content)),
                .. Int(entry.Content.Length), .. Int(entry.Content.Length), .. Short(entry.Name.Length), .. Short(extra.Length),
            ];
            directory.AddRange([.. "PK\x01\x02"u8, 20, 0, .. common, .. new byte[10], .. Int(files.Count), .. entry.Name, .. extra]);
            files.AddRange([.. "PK\x03\x04"u8, .. common, .. entry.Name, .. extra, .. entry.Content]);
            count++;
        }

        byte[] end =
        [
            .. "PK\x05\x06"u8, .. Short(disk), .. Short(disk), .. Short(count), .. Short(count), .. Int(directory.Count), .. Int(files.Count), 0, 0,
        ];
        return [.. files, .. directory, .. end];
    }

    private static byte[] Int(int value) => BitConverter.GetBytes(value);

    private static byte[] Short(int value) => BitConverter.GetBytes((ushort)value);
}
