using System.Collections.Immutable;
using Riffle.Data;
using Riffle.Distribution;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Reports;

namespace Riffle.Study;

/// <summary>The settings of a reproduction.</summary>
/// <param name="Data">The data set folder.</param>
/// <param name="Out">The folder for all runs and the report.</param>
/// <param name="Tables">Numbers of the selected tables; empty: all.</param>
/// <param name="Models">Names of the selected networks; empty: all networks of the tables.</param>
/// <param name="Recipe">Name of the recipe.</param>
/// <param name="Epochs">Number of passes over the training images; null: the recipe's.</param>
/// <param name="Seed">Seed of everything random.</param>
/// <param name="Threads">Threads that compute; 0: one per core.</param>
/// <param name="SoftLabels">The folder of soft labels; null: none, or those of the teachers.</param>
/// <param name="Teachers">Networks of the study and files that make soft labels; empty: those of the recipe, if it has any.</param>
internal sealed record Settings(
    string Data, string Out, ImmutableArray<int> Tables, ImmutableArray<string> Models, string Recipe, int? Epochs, ulong Seed, int Threads,
    string? SoftLabels, ImmutableArray<string> Teachers)
{
    /// <summary>A folder with the first weights of each network, <c>MODEL.safetensors</c>; null: networks start with new weights.</summary>
    public string? From { get; init; }

    /// <summary>The folder of another reproduction, whose figures the report shows beside these; null: none.</summary>
    public string? Beside { get; init; }

    /// <summary>The processes that do the work together, of which this is the first; null: this one alone.</summary>
    public Ranks? Ranks { get; init; }

    /// <summary>The changes to the recipe.</summary>
    public Func<Recipe, Recipe> Change { get; init; } = recipe => recipe;

    /// <summary>The command-line words for these changes.</summary>
    public ImmutableArray<string> Changes { get; init; } = [];

    /// <summary>The options that commands in the report are made of; null: there is no command line.</summary>
    public IRecipeOptions? Options { get; init; }

    /// <summary>Whether one row is trained with several seeds, to know how much chance there is in a figure: in a reproduction of all rows.</summary>
    public bool HasSpread => Tables.IsEmpty && Models.IsEmpty;

    /// <summary>Whether the teachers are those of the recipe.</summary>
    public bool AreTeachersDeclared => Recipe == Recipes.Recipe.Taught.Name && Teachers.IsEmpty && SoftLabels is null;

    /// <summary>Names of all teachers.</summary>
    public ImmutableArray<string> TeacherNames => AreTeachersDeclared ? [.. Teacher.Declared.Select(teacher => teacher.Name)] : Teachers;

    /// <summary>The folder in which the soft labels are or will be; null: none.</summary>
    public string? SoftLabelsFolder => TeacherNames.IsEmpty ? SoftLabels : Path.Combine(Out, "soft-labels");

    /// <summary>The command with these settings.</summary>
    public string Command
    {
        get
        {
            var words = new List<string> { "riffle", "reproduce", "--data", ShellWord.Path(Data), "--out", ShellWord.Path(Out) };
            if (!Tables.IsEmpty)
                words.AddRange(["--tables", string.Join(',', Tables)]);
            if (!Models.IsEmpty)
                words.AddRange(["--models", string.Join(',', Models)]);
            words.AddRange(["--recipe", Recipe]);
            if (Epochs is { } epochs)
                words.AddRange(["--epochs", $"{epochs}"]);
            if (SoftLabels is { } labels)
                words.AddRange(["--soft-labels", ShellWord.Path(labels)]);
            foreach (var teacher in Teachers)
                words.AddRange(["--teacher", ShellWord.Path(teacher)]);
            if (From is { } from)
                words.AddRange(["--from", ShellWord.Path(from)]);
            if (Beside is { } beside)
                words.AddRange(["--beside", ShellWord.Path(beside)]);
            words.AddRange(Changes);
            words.AddRange(["--seed", $"{Seed}"]);
            if (Threads > 0)
                words.AddRange(["--threads", $"{Threads}"]);
            return string.Join(' ', words);
        }
    }

    /// <summary>The run folder of a network.</summary>
    public string RunOf(string model) => Path.Combine(Out, "runs", model);

    /// <summary>The selected networks, the smallest first.</summary>
    public ImmutableArray<string> Selected => Select(_ => true);

    /// <summary>The selected networks that need training. Those only in the table of complexity do not.</summary>
    public ImmutableArray<string> ToTrain => Select(table => table.HasAccuracy);

    /// <summary>The first weights of a network; null: it starts with new ones.</summary>
    public string? FirstWeightsOf(string model) => From is null ? null : Path.Combine(From, model + ".safetensors");

    /// <summary>The recipe for a network, a data set and soft labels (if any), with the requested changes.</summary>
    public Recipe RecipeFor(string model, Dataset data, SoftLabelsIdentity? labels)
    {
        var recipe = Change(NamedRecipeFor(Recipe, model, data, labels));
        return recipe with { Epochs = Epochs ?? recipe.Epochs };
    }

    /// <summary>The recipe with that name for a network, a data set and soft labels (if any).</summary>
    public static Recipe NamedRecipeFor(string name, string model, Dataset data, SoftLabelsIdentity? labels) =>
        Recipes.Recipe.Named.Single(named => named.Name == name).FitTo(SpecFor(model, data), data.Count(Split.Train), data.Info.Baking is not null)
            .WithImagesAs(labels?.Augmentation, labels?.Fit);

    /// <summary>A network of the study with the classes of a data set.</summary>
    public static NetworkSpec SpecFor(string model, Dataset data) => NetworkCatalogue.Resolve(model, classes: data.Info.Classes.Length);

    private ImmutableArray<string> Select(Func<StudyTable, bool> counts)
    {
        var models = StudyFigures.Tables.Where(table => Tables.IsEmpty || Tables.Contains(table.Number)).Where(counts).SelectMany(table => table.Models);
        return [.. models.Distinct().Where(model => Models.IsEmpty || Models.Contains(model)).OrderBy(MacsOf)];
    }

    private static long MacsOf(string model) => Complexity.Of(NetworkCatalogue.Build(NetworkCatalogue.Resolve(model))).Macs;
}
