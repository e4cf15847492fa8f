using System.Runtime.Intrinsics;
using Riffle.Simd;

namespace Riffle.Tests.Simd;

public class VectorLevelsTests
{
    [Fact]
    public void The_widest_accelerated_vector_comes_first_and_scalar_last()
    {
        Assert.Equal(VectorLevels.Available.OrderByDescending(level => level.Bits), VectorLevels.Available);
        Assert.Equal("1", VectorLevels.Available[^1].Name);
        Assert.Equal(Vector512.IsHardwareAccelerated, VectorLevels.Available.Any(level => level.Bits == 512));
        Assert.Equal(VectorLevels.Available[0], VectorLevels.Choose(null));
        Assert.Equal(VectorLevels.Available[0], VectorLevels.Choose(""));
    }

    [Fact]
    public void A_width_can_be_forced_and_one_that_is_not_there_is_refused()
    {
        foreach (var level in VectorLevels.Available)
            Assert.Equal(level, VectorLevels.Choose(level.Name));
        var message = Assert.Throws<RiffleException>(() => VectorLevels.Choose("77")).Message;
        Assert.Contains("RIFFLE_VECTOR=77", message);
        Assert.Contains(VectorLevels.Available[0].Name, message);
    }
}
