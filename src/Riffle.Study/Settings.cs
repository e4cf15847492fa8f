using System.Collections.Immutable;
using Riffle.Data;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;

namespace Riffle.Study;

/// <summary>What was asked for.</summary>
/// <param name="Data">The data set folder.</param>
/// <param name="Out">The folder of all runs and of the report.</param>
/// <param name="Tables">Numbers of the tables whose networks are asked for; all where there are none.</param>
/// <param name="Models">Names of the networks that are asked for; all of the tables where there are none.</param>
/// <param name="Recipe">Name of the recipe.</param>
/// <param name="Epochs">Passes over the training images; null: the recipe's own.</param>
/// <param name="Seed">Decides everything random.</param>
/// <param name="Threads">Threads that compute; 0: one per core.</param>
/// <param name="SoftLabels">The folder of what counts beside the labels; null: none, or what the teachers say.</param>
/// <param name="Teachers">Networks of the study and files, which say what counts beside the labels.</param>
internal sealed record Settings(
    string Data, string Out, ImmutableArray<int> Tables, ImmutableArray<string> Models, string Recipe, int? Epochs, ulong Seed, int Threads,
    string? SoftLabels, ImmutableArray<string> Teachers)
{
    /// <summary>A folder with weights of each network, <c>MODEL.safetensors</c>, which it begins with; null: it begins anew.</summary>
    public string? From { get; init; }

    /// <summary>What is changed in the recipe.</summary>
    public Func<Recipe, Recipe> Change { get; init; } = recipe => recipe;

    /// <summary>The words of the command line that say so.</summary>
    public ImmutableArray<string> Changes { get; init; } = [];

    /// <summary>The options that commands in the report are made of; null: there is no command line.</summary>
    public IRecipeOptions? Options { get; init; }

    /// <summary>Where what counts beside the labels is, or will be; null: nothing does.</summary>
    public string? SoftLabelsFolder => Teachers.IsEmpty ? SoftLabels : Path.Combine(Out, "soft-labels");

    /// <summary>The command that asks for the same again.</summary>
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
            words.AddRange(Changes);
            words.AddRange(["--seed", $"{Seed}"]);
            if (Threads > 0)
                words.AddRange(["--threads", $"{Threads}"]);
            return string.Join(' ', words);
        }
    }

    /// <summary>The run folder of a network.</summary>
    public string RunOf(string model) => Path.Combine(Out, "runs", model);

    /// <summary>The networks of all the study's tables that are asked for, the smallest first.</summary>
    public ImmutableArray<string> Selected => Select(_ => true);

    /// <summary>Those of them that have to be trained: one that is asked for in the table of complexity alone is only counted.</summary>
    public ImmutableArray<string> ToTrain => Select(table => table.HasAccuracy);

    /// <summary>The weights that a network begins with; null: it begins anew.</summary>
    public string? FirstWeightsOf(string model) => From is null ? null : Path.Combine(From, model + ".safetensors");

    /// <summary>The recipe for a network, a data set and soft labels, if there are any, with all that is asked for otherwise.</summary>
    public Recipe RecipeFor(string model, Dataset data, SoftLabelsIdentity? labels)
    {
        var recipe = Change(NamedRecipeFor(Recipe, model, data, labels));
        return recipe with { Epochs = Epochs ?? recipe.Epochs };
    }

    /// <summary>The recipe of that name for a network, a data set and soft labels, if there are any.</summary>
    public static Recipe NamedRecipeFor(string name, string model, Dataset data, SoftLabelsIdentity? labels) =>
        Recipes.Recipe.Named.Single(named => named.Name == name).FitTo(SpecFor(model, data), data.Count(Split.Train)).TaughtBy(labels?.Augmentation);

    /// <summary>A network of the study for a data set: as many classes as that has.</summary>
    public static NetworkSpec SpecFor(string model, Dataset data) => NetworkCatalogue.Resolve(model, classes: data.Info.Classes.Length);

    private ImmutableArray<string> Select(Func<StudyTable, bool> counts)
    {
        var models = StudyFigures.Tables.Where(table => Tables.IsEmpty || Tables.Contains(table.Number)).Where(counts).SelectMany(table => table.Models);
        return [.. models.Distinct().Where(model => Models.IsEmpty || Models.Contains(model)).OrderBy(MacsOf)];
    }

    private static long MacsOf(string model) => Complexity.Of(NetworkCatalogue.Build(NetworkCatalogue.Resolve(model))).Macs;
}
