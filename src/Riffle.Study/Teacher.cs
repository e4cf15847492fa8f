using System.Collections.Immutable;
using Riffle.Data;
using Riffle.Networks;
using Riffle.Recipes;

namespace Riffle.Study;

/// <summary>A network that is trained from labels alone, to teach the networks of the tables.</summary>
/// <param name="Network">The network in the catalogue, after which its files are named.</param>
/// <param name="Units">Units of each stage; null: the study's.</param>
/// <param name="Recipe">How it is trained.</param>
internal sealed record Teacher(string Network, ImmutableArray<int>? Units, Recipe Recipe)
{
    /// <summary>
    /// The teachers of the recipe <see cref="Recipe.Taught"/>. Two that differ in their size and in the crops that they have seen know more together than two
    /// that are alike, and a teacher that has learnt from another adds little to it (docs/experiments.md).
    /// </summary>
    public static ImmutableArray<Teacher> Declared { get; } =
    [
        new("shufflenet-v2-x1.0", null, Recipe.Best),
        new("shufflenet-v2-x1.5", [4, 8, 4], Recipe.Best with
        {
            Epochs = 40,
            Augmentation = Augmentation.CropAndFlip with { SmallestArea = 0.35f, SharpShare = 0.5f },
        }),
    ];

    /// <summary>The network with the classes of a data set.</summary>
    public NetworkSpec SpecFor(Dataset data) => NetworkCatalogue.Resolve(Network, classes: data.Info.Classes.Length, units: Units);

    /// <summary>Its training in a folder. With a seed of its own, so that no network begins as its teacher did.</summary>
    public PlannedRun In(ReproductionFolder folder, Dataset data, Settings settings) =>
        new(folder, Network, SpecFor(data), Recipe.FitTo(SpecFor(data), data.Count(Split.Train)), settings.Seed + 1, settings.Threads);
}
