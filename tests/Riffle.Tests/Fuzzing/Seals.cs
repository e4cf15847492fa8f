using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;
using Riffle.Formats;

namespace Riffle.Tests.Fuzzing;

/// <summary>Makes the checksums of damaged files right again, so that the damage gets past them.</summary>
internal static class Seals
{
    public static byte[] Png(byte[] bytes)
    {
        for (var at = 8; at + 12 <= bytes.Length;)
        {
            long length = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(at));
            if (length > bytes.Length - at - 12)
                break;
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(at + 8 + (int)length), Crc32.HashToUInt32(bytes.AsSpan(at + 4, (int)length + 4)));
            at += (int)length + 12;
        }

        return bytes;
    }

    public static byte[] Record(byte[] data)
    {
        using var stream = new MemoryStream();
        using (var writer = new TFRecordWriter(stream, leaveOpen: true))
            writer.Write(data);
        return stream.ToArray();
    }

    /// <summary>The checksum of a record's length made right, whatever the length is now.</summary>
    public static byte[] RecordHeader(byte[] bytes)
    {
        if (bytes.Length >= 12)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), TFRecordChecksum.Of(bytes.AsSpan(0, 8)));
        return bytes;
    }

    public static byte[] Tar(byte[] bytes)
    {
        for (var at = 0; at + 512 <= bytes.Length; at += 512)
        {
            var block = bytes.AsSpan(at, 512);
            if (!block[257..].StartsWith("ustar"u8))
                continue;
            block.Slice(148, 8).Fill((byte)' ');
            var sum = 0;
            foreach (var value in block)
                sum += value;
            System.Text.Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(block[148..]);
        }

        return bytes;
    }

    public static byte[] Gzip(byte[] bytes)
    {
        using var stream = new MemoryStream();
        using (var gzip = new GZipStream(stream, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(bytes);
        return stream.ToArray();
    }
}
