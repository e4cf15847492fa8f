using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;

namespace Riffle.Reports;

/// <summary>The recipe of a training as words of the command line.</summary>
internal static class TrainingWords
{
    /// <summary>The options that give the recipe, from --recipe on; null if none do.</summary>
    /// <param name="options">The options of the command line.</param>
    /// <param name="training">The training.</param>
    /// <param name="network">What it trained.</param>
    public static IReadOnlyList<string>? Of(IRecipeOptions options, TrainingRecord training, NetworkSpec network)
    {
        var recipe = training.Recipe;
        var named = Recipe.Named.SingleOrDefault(named => named.Name == recipe.Name) ?? Recipe.Best;
        var fit = training.SoftLabels?.Fit ?? training.Origin?.Training?.Recipe.Fit;
        var usual = WithLastTemperature(named.FitTo(network, training.Data.Train, training.Baking is not null).WithImagesAs(training.SoftLabels?.Augmentation, fit) with { Epochs = recipe.Epochs });

        // Without soft labels nothing hangs on how they would count.
        var wanted = training.SoftLabels is null ? recipe with { Distillation = usual.Distillation } : WithLastTemperature(recipe);
        return options.Between(usual, wanted) is { } words
            ? ["--recipe", named.Name, "--epochs", $"{recipe.Epochs}", "--seed", $"{training.Seed}", .. words]
            : null;
    }

    /// <summary>A temperature that stays is one that ends as it began, which is how options say it.</summary>
    private static Recipe WithLastTemperature(Recipe recipe) =>
        recipe with { Distillation = recipe.Distillation with { LastTemperature = recipe.Distillation.TemperatureAt(1) } };

    /// <summary>The options that give a network.</summary>
    public static IReadOnlyList<string> Of(NetworkSpec network)
    {
        if (network.Layers is not null)
            return ["--model", "NETWORK.json"];
        var words =
            from preset in Enum.GetValues<Preset>()
            from units in (int[]?[])[null, [.. network.Units]]
            from size in (int?[])[null, network.ImageSize]
            where units is not { Length: 0 } && NetworkCatalogue.Resolve(network.Name, preset, size, network.Classes, units) == network
            select (IReadOnlyList<string>)
            [
                "--model", network.Name, .. preset == Preset.Tiny ? [] : (string[])["--preset", preset.ToString().ToLowerInvariant()],
                .. size is null ? [] : (string[])["--size", $"{size}"], .. units is null ? [] : (string[])["--units", string.Join(',', units)],
            ];
        return words.First();
    }
}
