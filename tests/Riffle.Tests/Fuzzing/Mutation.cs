using System.Buffers.Binary;
using Riffle.Data;

namespace Riffle.Tests.Fuzzing;

/// <summary>Damages bytes at random: as disks and networks do, as people do, and as those do who mean harm.</summary>
internal static class Mutation
{
    private static readonly ulong[] Interesting =
        [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0x8000000000000000, ulong.MaxValue, 50_000];

    private static readonly string[] Words =
        ["null", "-1", "0", "99999999999", "2147483647", "1e999", "\"\"", "[]", "{}", "true", "../../x", "/etc/passwd", "\0", "77777777777", "\uFFFD", ","];

    /// <summary>The bytes with one to four damages; the same for the same random numbers.</summary>
    public static byte[] Apply(byte[] whole, ref Random64 random)
    {
        var bytes = (byte[])whole.Clone();
        for (var times = 1 + random.Next(4); times > 0; times--)
            bytes = Once(bytes, ref random);
        return bytes;
    }

    private static byte[] Once(byte[] bytes, ref Random64 random)
    {
        if (bytes.Length == 0)
            return Noise(random.Next(64), ref random);
        var at = random.Next(bytes.Length);
        var length = 1 + random.Next(Math.Min(64, bytes.Length - at));
        switch (random.Next(16))
        {
            case 0:
                return bytes[..at];
            case 1:
                return Noise(random.Next(600), ref random);
            case 2:
                Noise(length, ref random).CopyTo(bytes, at);
                return bytes;
            case 3:
                bytes.AsSpan(at, length).Fill((byte)(random.Next(2) * 0xFF));
                return bytes;
            case 4:
                return [.. bytes[..at], .. bytes[(at + length)..]];
            case 5:
                return [.. bytes[..at], .. bytes[at..(at + length)], .. bytes[at..]];
            case 6:
                return [.. bytes[..at], .. Noise(length, ref random), .. bytes[at..]];
            case 7 or 8 or 9:
                return WithNumber(bytes, at, ref random);
            case 10:
                return WithDigit(bytes, at, ref random);
            case 11:
                var word = System.Text.Encoding.UTF8.GetBytes(Words[random.Next(Words.Length)]);
                return [.. bytes[..at], .. word, .. bytes[Math.Min(bytes.Length, at + random.Next(word.Length + 1))..]];
            default:
                bytes[at] ^= (byte)(1 << random.Next(8));
                return bytes;
        }
    }

    private static byte[] Noise(int length, ref Random64 random)
    {
        var bytes = new byte[length];
        for (var i = 0; i < length; i++)
            bytes[i] = (byte)random.Next(256);
        return bytes;
    }

    /// <summary>A number of 1, 2, 4 or 8 bytes in either order, at the ends of its range: a length that lies.</summary>
    private static byte[] WithNumber(byte[] bytes, int at, ref Random64 random)
    {
        Span<byte> number = stackalloc byte[sizeof(ulong)];
        var value = Interesting[random.Next(Interesting.Length)] + (ulong)random.Next(3) - 1;
        var size = 1 << random.Next(4);
        if (random.Next(2) == 0)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(number, value);
        }
        else
        {
            BinaryPrimitives.WriteUInt64BigEndian(number, value);
            number = number[(sizeof(ulong) - size)..];
        }

        number[..Math.Min(size, bytes.Length - at)].CopyTo(bytes.AsSpan(at));
        return bytes;
    }

    /// <summary>Another digit for the next one in a text.</summary>
    private static byte[] WithDigit(byte[] bytes, int at, ref Random64 random)
    {
        var digit = bytes.AsSpan(at).IndexOfAnyInRange((byte)'0', (byte)'9');
        if (digit >= 0)
            bytes[at + digit] = (byte)('0' + random.Next(10));
        return bytes;
    }
}
