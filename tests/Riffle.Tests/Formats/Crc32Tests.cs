using Riffle.Formats;

namespace Riffle.Tests.Formats;

public class Crc32Tests
{
    /// <summary>The check value of the catalogue of CRC algorithms.</summary>
    [Fact]
    public void It_is_the_checksum_of_zip_files() => Assert.Equal(0xCBF43926u, Crc32.Compute("123456789"u8));
}
