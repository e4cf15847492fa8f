using System.Collections.Immutable;
using Riffle.Data;
using Riffle.Models;
using Riffle.Reports.Documents;

namespace Riffle.Reports;

/// <summary>What was trained on what, and the commands for that.</summary>
internal static class TrainingSection
{
    public static IEnumerable<DocumentBlock> Of(RunSource source, Checkpoint model, TrainingRecord? training, Dataset data)
    {
        var info = data.Info;
        var description = source.Description;
        ImmutableArray<ImmutableArray<string>> rows =
        [
            ["Network", $"{model.Name}, images of {model.ImageSize}×{model.ImageSize}, weights {model.Fingerprint()} (first digits of their SHA-256)"],
            ["Data set", $"{data.Directory}, made from {info.Source}: {info.Train:N0} training and {info.Validation:N0} validation images, fingerprint {info.Fingerprint[..16]}"],
            .. training is null ? [] : Of(training, info),
            .. description is null ? Array.Empty<ImmutableArray<string>>() : [["Trained by", $"Riffle {description.Riffle} on {description.System}, {description.Dotnet}"]],
        ];
        yield return new TableBlock("What was trained on what", [new("What"), new("How")], rows);
        yield return new Paragraph("The commands, in the order in which they were given:");
        yield return new CommandBlock(string.Join('\n', Commands(source, model, training, info, description)));
    }

    private static IEnumerable<ImmutableArray<string>> Of(TrainingRecord training, DatasetInfo info)
    {
        var recipe = training.Recipe;
        if (training.Data.Fingerprint != info.Fingerprint)
            yield return ["Trained on", $"another data set than the one above: {training.Data.Train:N0} images, fingerprint {training.Data.Fingerprint[..16]}"];
        yield return ["Recipe", $"{recipe.Name}: {training.Progress.Epochs} of {recipe.Epochs} epochs, {recipe.Batch} images in a step, learning rate up to {Text.Plain(recipe.Schedule.LearningRate)}"];
        if (training.PlannedEpochs is { } planned)
            yield return ["Shortened", $"from {planned} epochs, for which there was no time. Trained anew with {recipe.Epochs} epochs, the learning rate would fall evenly, and the weights would be others"];
        if (recipe.Fit != FitKind.Crop)
            yield return ["Images become squares by", recipe.Fit.Name()];
        yield return ["Seed", $"{training.Seed}"];
        if (training.From is { } from)
            yield return ["Began with", $"the weights of {from}{(recipe.FreezeFeatures ? ", of which only the classifier was trained" : "")}"];
        if (training.SoftLabels is { } labels)
            yield return ["Soft labels", $"{labels.Fingerprint}, by {string.Join(", ", labels.Teachers.Select(teacher => teacher.Network))}"];
    }

    private static IEnumerable<string> Commands(RunSource source, Checkpoint model, TrainingRecord? training, DatasetInfo info, RunDescription? description)
    {
        var (data, run) = (ShellWord.Path(source.Data), ShellWord.Path(source.Path));
        yield return string.Join(' ', (IEnumerable<string>)
        [
            "riffle prepare", ShellWord.Path(info.Source), "--out", data,
            .. info.ValidationFraction is { } fraction ? ["--validation-fraction", Text.Plain(fraction)] : Array.Empty<string>(),
            .. info.Baking is { } baking ? ["--bake", $"{baking.Copies}", "--bake-size", $"{baking.Size}"] : Array.Empty<string>(),
            .. info.Seed == 0 ? [] : (string[])["--seed", $"{info.Seed}"],
        ]);
        if (training is not null && description is not null)
        {
            yield return TrainingWords.Of(source.Options, training, model.Spec) is not { } words
                ? "# no command of this Riffle trains it: the recipe is in run.json"
                : string.Join(' ', (IEnumerable<string>)
                [
                    "riffle train --data", data, .. training.From is { } from ? ["--from", ShellWord.Path(from), "--size", $"{model.Spec.ImageSize}"] : TrainingWords.Of(model.Spec), "--out", run,
                    .. description.SoftLabelsFolder is { } labels ? ["--soft-labels", ShellWord.Path(labels)] : Array.Empty<string>(), .. words,
                ]);
        }

        yield return $"riffle report {run} --data {data}";
    }
}
