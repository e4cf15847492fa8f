using Riffle.Evaluation;

namespace Riffle.Tests.Evaluation;

public class CalibrationTests
{
    [Fact]
    public void Who_is_right_as_often_as_sure_has_no_error()
    {
        // Sure to 3/4, in three of four images right.
        var calibration = new Calibration();
        for (var i = 0; i < 4; i++)
            calibration.Add(i == 0 ? 1 : 0, [MathF.Log(3), 0]);
        Assert.Equal(0, calibration.Error, 1e-6);
    }

    [Fact]
    public void The_error_is_the_mean_over_bins()
    {
        // Two images sure to 0.9, both wrong; two sure to 0.6, both right.
        var calibration = new Calibration();
        for (var i = 0; i < 2; i++)
        {
            calibration.Add(1, [MathF.Log(9), 0]);
            calibration.Add(0, [MathF.Log(1.5f), 0]);
        }

        Assert.Equal((0.9 + 0.4) / 2, calibration.Error, 1e-6);
    }

    [Fact]
    public void Without_images_there_is_none() => Assert.Equal(0, new Calibration().Error);

    /// <summary>At its ends, the share that was seen is as far away as the deviation of a share there allows.</summary>
    [Theory]
    [InlineData(0, 10)]
    [InlineData(10, 10)]
    [InlineData(150, 200)]
    [InlineData(9_876, 10_000)]
    public void The_interval_is_that_of_the_score_test(int right, int images)
    {
        var interval = Interval.Of(right, images);
        Assert.True(interval.Low <= 100.0 * right / images + 1e-9 && interval.High >= 100.0 * right / images - 1e-9);
        foreach (var end in (double[])[interval.Low / 100, interval.High / 100])
            Assert.Equal(1.959964 * Math.Sqrt(end * (1 - end) / images), Math.Abs(end - (double)right / images), 1e-7);
    }
}
