using Riffle.Data;

namespace Riffle.Tests.Data;

public class Random64Tests
{
    /// <summary>The numbers that the authors' C program prints for the state 1, 2, 3, 4.</summary>
    [Fact]
    public void Is_xoshiro256_starstar()
    {
        var random = new Random64(1, 2, 3, 4);
        ulong[] expected =
        [
            11520, 0, 1509978240, 1215971899390074240, 1216172134540287360, 607988272756665600, 16172922978634559625,
            8476171486693032832, 10595114339597558777, 2904607092377533576,
        ];
        Assert.Equal(expected, expected.Select(_ => random.NextUInt64()));
    }
}
