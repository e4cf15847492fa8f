using System.Collections.Immutable;
using Riffle.Data;
using Riffle.Recipes;

namespace Riffle.Study;

/// <summary>A network that is trained from labels alone, to teach the networks of the tables.</summary>
/// <param name="Name">The name of its files.</param>
/// <param name="Network">The network in the catalogue.</param>
/// <param name="Recipe">How it is trained.</param>
/// <param name="Seed">Added to the seed of the reproduction, so that no two networks begin alike.</param>
internal sealed record Teacher(string Name, string Network, Recipe Recipe, ulong Seed)
{
    /// <summary>
    /// The teachers of the recipe <see cref="Recipe.Taught"/>. Two that have seen other crops know more together than two that are alike, and a teacher that has
    /// learnt from another adds little to it (docs/experiments.md).
    /// </summary>
    public static ImmutableArray<Teacher> Declared { get; } =
    [
        new("sharp-crops", "shufflenet-v2-x1.0", Recipe.Best with { Epochs = 20 }, 1),
        new("scaled-crops", "shufflenet-v2-x1.0", Recipe.Best with { Augmentation = Augmentation.CropAndFlip with { SmallestArea = 0.35f, SharpShare = 0.5f } }, 2),
    ];

    /// <summary>Its training in a folder.</summary>
    public PlannedRun In(ReproductionFolder folder, Dataset data, Settings settings)
    {
        var network = Settings.SpecFor(Network, data);
        return new(folder, Name, network, Recipe.FitTo(network, data.Count(Split.Train), data.Info.Baking is not null), settings.Seed + Seed, settings.Threads);
    }
}
