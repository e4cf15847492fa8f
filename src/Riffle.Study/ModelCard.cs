using System.Collections.Immutable;
using System.Globalization;
using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Models;
using Riffle.Recipes;
using Riffle.Reports.Documents;

namespace Riffle.Study;

/// <summary>What whoever uses a trained network has to know of it, beside its file.</summary>
internal static class ModelCard
{
    /// <summary>The card of a finished network.</summary>
    /// <param name="row">The network.</param>
    /// <param name="model">Its shipped weights, with the whole history.</param>
    public static Document Of(Row row, Checkpoint model)
    {
        var training = model.Training!;
        var (measured, best, hasTop5) = (training.Measured!, training.Best!, Metrics.HasTop5(model.Classes.Count));
        return new(
            row.Model,
            [
                new Paragraph(
                    $"A network for images of {model.Spec.ImageSize}×{model.Spec.ImageSize} pixels and {model.Classes.Count} classes: "
                    + $"{Cell.Millions(row.Cost.Parameters)} million parameters, {Cell.Millions(row.Cost.Macs)} million multiply-adds an image. "
                    + $"Top-1 {Cell.Percent(measured.Validation.Top1)} %{(hasTop5 ? $" and top-5 {Cell.Percent(measured.Validation.Top5)} %" : "")} on the "
                    + $"{training.Data.Validation:N0} validation images. The weights are those after epoch {measured.Epoch} of {training.Recipe.Epochs}. The highest top-1 "
                    + $"of all epochs is {Cell.Percent(best.Validation.Top1)} % (epoch {best.Epoch}); the study that Riffle reproduces printed "
                    + $"{Cell.Number(row.Published.Top1)} %, the highest of its own."),
                new CommandBlock($"riffle predict {row.Model}.safetensors photo.jpg"),
                new CommandBlock($"riffle evaluate {row.Model}.safetensors --data data/tiny"),
            ],
            [
                new("use", "What it is for",
                [
                    new Paragraph(
                        "Studying small networks, comparing recipes and implementations, and a start for training on images of one's own. It names one of its "
                        + "classes for any image, also where none is in it, and was trained on images of 64×64 pixels: it is no basis for decisions about "
                        + "people, health or safety."),
                    new Paragraph(Terms(model, training)),
                ]),
                Recipe("training", "How it was trained", training, row.Run!.Notes, WeightsOrigin.Of(model).Fingerprint),
                Accuracy("accuracy", "Accuracy by epoch", training, hasTop5),
                .. Before(training, row.Run.Notes, hasTop5),
                new("classes", "Classes", [new Paragraph(string.Join("; ", model.Classes.Select(ShortName)) + ".")]),
            ]);
    }

    /// <summary>How the weights came about that the training began with, and those before them.</summary>
    private static IEnumerable<Section> Before(TrainingRecord training, RunNotes notes, bool hasTop5)
    {
        for (var i = 1; training.Origin?.Training is { } before; i++)
        {
            (training, notes, var weights) = (before, notes.Before ?? RunNotes.None, training.Origin!.Fingerprint);
            var which = i == 1 ? "first weights" : $"first weights, {i} trainings back";
            yield return Recipe($"training-{i}", $"How its {which} were trained", training, notes, weights);
            yield return Accuracy($"accuracy-{i}", $"Accuracy by epoch of its {which}", training, hasTop5);
        }
    }

    private static Section Accuracy(string id, string title, TrainingRecord training, bool hasTop5) => new(id, title,
    [
        new Paragraph("That of training images is of augmented ones, while the weights change."),
        new TableBlock(
            title,
            [
                new("Epoch", ColumnKind.Number), new("Training loss", ColumnKind.Number), new("Training top-1, %", ColumnKind.Number),
                new("Validation loss", ColumnKind.Number), new("Validation top-1, %", ColumnKind.Number),
                .. hasTop5 ? [new("Validation top-5, %", ColumnKind.Number)] : Array.Empty<Column>(),
            ],
            [
                .. training.History.Select(epoch => (ImmutableArray<string>)
                [
                    $"{epoch.Epoch}", Loss(epoch.Train.Loss), Cell.Percent(epoch.Train.Top1), Loss(epoch.Validation.Loss), Cell.Percent(epoch.Validation.Top1),
                    .. hasTop5 ? [Cell.Percent(epoch.Validation.Top5)] : Array.Empty<string>(),
                ]),
            ]),
    ]);

    private static Section Recipe(string id, string title, TrainingRecord training, RunNotes notes, string weights)
    {
        var (recipe, schedule) = (training.Recipe, training.Recipe.Schedule);
        ImmutableArray<ImmutableArray<string>> rows =
        [
            ["Recipe", recipe.Name],
            ["Epochs, images in a step", $"{recipe.Epochs}, {recipe.Batch}"],
            ["Learning rate", $"{Plain(schedule.LearningRate)}, {Lower(schedule.Kind)}, after {Plain(schedule.WarmUpEpochs)} epochs of warm-up"],
            ["Optimiser", $"{Lower(recipe.Optimiser)}, momentum {Plain(recipe.Momentum)}"],
            ["L2 on kernels, label smoothing", $"{Plain(recipe.WeightDecay)}, {Plain(recipe.LabelSmoothing)}"],
            ["Soft labels", training.SoftLabels is { } labels ? Describe(labels, recipe.Distillation) : "none"],
            ["Kernels begin as", training.Origin is { } origin ? Describe(origin) : Lower(recipe.Initialisation)],
            .. recipe.Fit == FitKind.Crop ? [] : (ImmutableArray<string>[])[["Images become squares by", recipe.Fit.Name()]],
            ["Augmentation", Describe(recipe.Augmentation)],
            ["Seed", $"{training.Seed}"],
            ["Images", $"{training.Data.Train:N0} of training; data set {training.Data.Fingerprint[..16]}"],
            ["Trained by", string.Join(", ", notes.Sessions.Select(session => $"Riffle {session.Riffle} on {session.Machine}").Distinct())],
            ["Weights after 100 steps and at the end", Fingerprints(training, weights)],
            ["Time", notes.Sessions.IsEmpty ? "not recorded" : DurationText.Of(notes.Time)],
        ];
        return new(id, title, [new TableBlock(title, [new("What"), new("How")], rows)]);
    }

    /// <summary>What a training anew can be compared with.</summary>
    private static string Fingerprints(TrainingRecord training, string weights) =>
        $"{training.Early ?? "not recorded"}, {weights} (first digits of their SHA-256); "
        + (training is { Arithmetic: { } version, VectorBits: { } bits } ? $"arithmetic {version}, vectors of {bits} bits" : "arithmetic not recorded");

    private static string Describe(WeightsOrigin origin) => $"another training left them: fingerprint {origin.Fingerprint}"
        + (origin.Measured is { } epoch ? $", top-1 {Cell.Percent(epoch.Validation.Top1)} % after epoch {epoch.Epoch} of {origin.Training!.Recipe.Epochs}" : "");

    private static string Describe(SoftLabelsIdentity labels, DistillationSettings how)
    {
        static string Name(TeacherIdentity teacher) =>
            $"{teacher.Network} (fingerprint {teacher.Fingerprint}{(teacher.Top1 is { } top1 ? $", top-1 {Cell.Percent(top1)} %" : "")})";
        var falls = how.LastTemperature is { } last && last != how.Temperature ? $" that becomes {Plain(last)}" : "";
        return $"{labels.Fingerprint}, {Plain(how.Weight)} of the loss, at temperature {Plain(how.Temperature)}{falls}: {labels.Views} view{(labels.Views == 1 ? "" : "s")} by "
            + string.Join(", ", labels.Teachers.Select(Name));
    }

    private static string Describe(Augmentation augmentation)
    {
        var parts = new List<string>();
        if (augmentation.RandomCrop)
        {
            var sharp = augmentation.SharpShare > 0 ? $", {Plain(augmentation.SharpShare)} of them only of the size" : "";
            parts.Add(augmentation.SmallestArea > 0 ? $"random crop (of {Plain(augmentation.SmallestArea)} of the area and more{sharp})" : "random crop");
        }

        if (augmentation.Flip)
            parts.Add("flip");
        foreach (var (name, strength) in new[]
        {
            ("brightness", augmentation.Brightness), ("contrast", augmentation.Contrast), ("saturation", augmentation.Saturation), ("hue", augmentation.Hue),
        })
        {
            if (strength > 0)
                parts.Add($"{name} {Plain(strength)}");
        }

        return parts.Count == 0 ? "none" : string.Join(", ", parts);
    }

    private static string Terms(Checkpoint model, TrainingRecord training) =>
        Report.IsTheStudysData(model.Classes.Count, training.Data.Train, training.Data.Validation)
        ? "It was trained on Tiny ImageNet, which Stanford's course CS231n made of ImageNet's images at 64×64. ImageNet gives its images for research and "
            + "teaching without commercial use (image-net.org/download); whether weights made from them may be used otherwise is for their user to settle."
        : "It was trained on images of the user's own, and may be used as far as these allow.";

    private static string ShortName(DatasetClass label) => label.Text.Length == 0 ? label.Name : label.Text.Split(',')[0];

    private static string Lower<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();

    /// <summary>A number of the recipe as it was given: a float has to stay one, or its rounding shows.</summary>
    private static string Plain<T>(T value)
        where T : struct, IFormattable => value.ToString(null, CultureInfo.InvariantCulture);

    private static string Loss(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);
}
