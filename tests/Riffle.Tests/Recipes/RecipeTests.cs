using Riffle.Data;
using Riffle.Networks;
using Riffle.Recipes;

namespace Riffle.Tests.Recipes;

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

    public static TheoryData<string, Func<Recipe, Recipe>> Impossible => new()
    {
        { "epochs", r => r with { Epochs = 0 } },
        { "batch", r => r with { Batch = 65537 } },
        { "momentum", r => r with { Momentum = 1 } },
        { "weight decay", r => r with { WeightDecay = double.NaN } },
        { "label smoothing", r => r with { LabelSmoothing = -0.1 } },
        { "weight", r => r with { Distillation = new(Weight: 1.1) } },
        { "temperature", r => r with { Distillation = new(Temperature: 0) } },
        { "last temperature", r => r with { Distillation = new(LastTemperature: 1001) } },
        { "learning rate", r => r with { Schedule = r.Schedule with { LearningRate = 0 } } },
        { "learning rate", r => r with { Schedule = r.Schedule with { LearningRate = double.PositiveInfinity } } },
        { "warm-up", r => r with { Schedule = r.Schedule with { WarmUpEpochs = -1 } } },
        { "patience", r => r with { Schedule = r.Schedule with { Patience = -1 } } },
        { "cooldown", r => r with { Schedule = r.Schedule with { Cooldown = int.MaxValue } } },
        { "drops to the end", r => r with { Schedule = r.Schedule with { DropsToEnd = -1 } } },
        { "epochs between drops", r => r with { Schedule = r.Schedule with { StepEpochs = 0 } } },
        { "factor", r => r with { Schedule = r.Schedule with { Factor = 0 } } },
        { "lowest learning rate", r => r with { Schedule = r.Schedule with { Minimum = -1e-9 } } },
        { "optimiser", r => r with { Optimiser = (OptimiserKind)99 } },
        { "initialisation", r => r with { Initialisation = (InitialisationKind)99 } },
        { "schedule", r => r with { Schedule = r.Schedule with { Kind = (ScheduleKind)99 } } },
        { "RandomCrop", r => r with { Augmentation = r.Augmentation with { RandomCrop = false, SmallestArea = 0.5f } } },
        { "SmallestArea", r => r with { Augmentation = r.Augmentation with { SharpShare = 0.5f } } },
    };

    [Theory]
    [MemberData(nameof(Impossible), DisableDiscoveryEnumeration = true)]
    public void What_cannot_be_trained_with_is_refused_by_name(string what, Func<Recipe, Recipe> change)
    {
        foreach (var recipe in Recipe.Named)
        {
            recipe.Check();
            Assert.Contains(what, Assert.Throws<ArgumentException>(() => change(recipe).Check()).Message);
        }
    }

    [Theory]
    [InlineData(0, 8)]
    [InlineData(0.25, 5 + (3 * 0.70710678))]
    [InlineData(0.5, 5)]
    [InlineData(1, 2)]
    public void The_temperature_falls_along_half_a_cosine(double progress, double temperature)
    {
        Assert.Equal(temperature, new DistillationSettings(0.9, 8, 2).TemperatureAt(progress), 1e-6);
        Assert.Equal(8, new DistillationSettings(0.9, 8).TemperatureAt(progress));
    }

    [Fact]
    public void Baked_images_are_not_augmented_again()
    {
        var network = NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.25");
        var baked = Recipe.Paper.FitTo(network, 100_000, areBaked: true);
        Assert.Equal(Augmentation.None, baked.Augmentation);
        Assert.Equal(Augmentation.CropAndFlip, baked.WithImagesAs(Augmentation.CropAndFlip, null).Augmentation);
        Assert.Equal(Augmentation.Full, Recipe.Paper.FitTo(network, 100_000).Augmentation);
    }
}
