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

    [Fact]
    public void Training_images_grow_by_multiples_of_eight_to_the_networks_size()
    {
        var recipe = Recipe.Paper with { FirstScale = 0.7, LastScale = 1, Epochs = 30 };
        var sizes = Enumerable.Range(0, 30).Select(epoch => recipe.TrainingSize(epoch, 56, 17)).ToArray();
        Assert.Equal([40, 48, 56], sizes.Distinct());
        Assert.Equal(sizes.Order(), sizes);
    }

    [Theory]
    [InlineData(1, 1, 57, 17, 57)]
    [InlineData(0.5, 0.5, 56, 17, 32)]
    [InlineData(0.1, 0.1, 56, 17, 17)]
    [InlineData(0.99, 0.99, 20, 9, 16)]
    [InlineData(0.5, 0.5, 17, 17, 17)]
    public void A_training_size_is_never_above_the_networks_own_nor_below_the_least(double first, double last, int size, int smallest, int expected)
    {
        var recipe = Recipe.Paper with { FirstScale = first, LastScale = last, Epochs = 1 };
        Assert.Equal(expected, recipe.TrainingSize(0, size, smallest));
    }
}
