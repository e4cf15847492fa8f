using System.Numerics;
using FsCheck;
using FsCheck.Fluent;
using Riffle.Formats;

namespace Riffle.Tests.Formats;

public class TFRecordChecksumTests
{
    /// <summary>The examples of RFC 3720, appendix B.4, and the customary check value.</summary>
    [Fact]
    public void Known_answers()
    {
        byte[] up = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
        Assert.Equal(0x8A9136AAu, Unmask(TFRecordChecksum.Of(new byte[32])));
        Assert.Equal(0x62A8AB43u, Unmask(TFRecordChecksum.Of([.. Enumerable.Repeat((byte)0xFF, 32)])));
        Assert.Equal(0x46DD794Eu, Unmask(TFRecordChecksum.Of(up)));
        Assert.Equal(0x113FDB5Cu, Unmask(TFRecordChecksum.Of([.. up.Reverse()])));
        Assert.Equal(0xE3069283u, Unmask(TFRecordChecksum.Of("123456789"u8)));
        Assert.Equal(0u, Unmask(TFRecordChecksum.Of([])));
    }

    [Fact]
    public void Any_bytes_give_the_remainder_of_long_division() =>
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), data => Unmask(TFRecordChecksum.Of(data)) == LongDivision(data)).QuickCheckThrowOnFailure();

    private static uint Unmask(uint masked) => BitOperations.RotateLeft(unchecked(masked - 0xA282EAD8u), 15);

    private static uint LongDivision(byte[] data)
    {
        var crc = uint.MaxValue;
        foreach (var b in data)
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ ((crc & 1) * 0x82F63B78u);
        }

        return ~crc;
    }
}
