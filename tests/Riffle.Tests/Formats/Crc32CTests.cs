using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Riffle.Formats;

namespace Riffle.Tests.Formats;

public class Crc32CTests
{
    /// <summary>The examples of RFC 3720, appendix B.4, and the customary check value.</summary>
    [Fact]
    public void Known_answers()
    {
        byte[] up = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
        Assert.Equal(0x8A9136AAu, Crc32C.Compute(new byte[32]));
        Assert.Equal(0x62A8AB43u, Crc32C.Compute([.. Enumerable.Repeat((byte)0xFF, 32)]));
        Assert.Equal(0x46DD794Eu, Crc32C.Compute(up));
        Assert.Equal(0x113FDB5Cu, Crc32C.Compute([.. up.Reverse()]));
        Assert.Equal(0xE3069283u, Crc32C.Compute(Encoding.ASCII.GetBytes("123456789")));
        Assert.Equal(0u, Crc32C.Compute([]));
    }

    [Fact]
    public void Any_bytes_give_the_remainder_of_long_division() =>
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), data => Crc32C.Compute(data) == LongDivision(data)).QuickCheckThrowOnFailure();

    static uint LongDivision(byte[] data)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in data)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) * 0x82F63B78u);
        }

        return ~crc;
    }
}
