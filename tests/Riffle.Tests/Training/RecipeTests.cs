using Riffle.Training;

namespace Riffle.Tests.Training;

public class RecipeTests
{
    [Theory]
    [InlineData(100_000, 128)]
    [InlineData(5_120, 128)]
    [InlineData(5_119, 64)]
    [InlineData(640, 16)]
    [InlineData(30, 16)]
    public void A_small_data_set_gets_a_smaller_batch_and_a_rate_in_proportion(int images, int batch)
    {
        var fitted = Recipe.Best.FitTo(images);
        Assert.Equal(batch, fitted.Batch);
        Assert.Equal(Recipe.Best.Schedule.LearningRate * batch / 128, fitted.Schedule.LearningRate, 1e-12);
        Assert.Equal(Recipe.Best, fitted with { Batch = 128, Schedule = Recipe.Best.Schedule });
    }
}
