using Riffle.Networks;
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
        var fitted = Recipe.Best.FitTo(NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.25"), images);
        Assert.Equal(batch, fitted.Batch);
        Assert.Equal(Recipe.Best.Schedule.LearningRate * batch / 128, fitted.Schedule.LearningRate, 1e-12);
        Assert.Equal(Recipe.Best, fitted with { Batch = 128, Schedule = Recipe.Best.Schedule });
    }

    [Theory]
    [InlineData("mobilenet-v1-x0.25", 1e-4)]
    [InlineData("shufflenet-v1-g8-x0.5", 2e-4)]
    [InlineData("shufflenet-v2-x1.0", 3e-4)]
    [InlineData("shufflenet-v2-x2.0", 4e-4)]
    public void Wider_networks_get_more_L2_but_by_the_study_s_recipe(string model, double decay)
    {
        var network = NetworkCatalogue.Resolve(model);
        Assert.Equal(decay, Recipe.Best.FitTo(network, 100_000).WeightDecay);
        Assert.Equal(4e-5, Recipe.Paper.FitTo(network, 100_000).WeightDecay);
    }

    [Theory]
    [InlineData(0, 8)]
    [InlineData(0.25, 5 + (3 * 0.70710678))]
    [InlineData(0.5, 5)]
    [InlineData(1, 2)]
    public void The_temperature_falls_along_half_a_cosine(double progress, double temperature)
    {
        Assert.Equal(temperature, new Distillation(0.9, 8, 2).TemperatureAt(progress), 1e-6);
        Assert.Equal(8, new Distillation(0.9, 8).TemperatureAt(progress));
    }
}
