using System.Runtime.Intrinsics;
using Riffle.Simd;

namespace Riffle.Tests.Simd;

public class VectorLevelsTests
{
    [Fact]
    public void The_widest_accelerated_vector_comes_first_and_scalar_last()
    {
        Assert.Equal(VectorLevels.Available.OrderByDescending(level => level), VectorLevels.Available);
        Assert.Equal(VectorLevel.Scalar, VectorLevels.Available[^1]);
        Assert.Equal(Vector512.IsHardwareAccelerated, VectorLevels.Available.Contains(VectorLevel.Bits512));
        Assert.Equal(VectorLevels.Available[0], VectorLevels.Choose(null));
        Assert.Equal(VectorLevels.Available[0], VectorLevels.Choose(""));
    }

    [Fact]
    public void A_width_can_be_forced_and_one_that_is_not_there_is_refused()
    {
        foreach (var level in VectorLevels.Available)
            Assert.Equal(level, VectorLevels.Choose(((int)level).ToString()));
        var message = Assert.Throws<RiffleException>(() => VectorLevels.Choose("77")).Message;
        Assert.Contains("RIFFLE_VECTOR=77", message);
        Assert.Contains(((int)VectorLevels.Available[0]).ToString(), message);
    }
}
