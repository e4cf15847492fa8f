using Riffle.Data;
using Riffle.Recipes;

namespace Riffle.Reports;

/// <summary>The options of the command line that change a recipe, for the commands in reports.</summary>
internal interface IRecipeOptions
{
    /// <summary>The options that turn one recipe into another; null where there are none for that.</summary>
    IReadOnlyList<string>? Between(Recipe usual, Recipe wanted);

    /// <summary>The options that turn one augmentation into another; null where there are none for that.</summary>
    IReadOnlyList<string>? Between(Augmentation usual, Augmentation wanted);
}
