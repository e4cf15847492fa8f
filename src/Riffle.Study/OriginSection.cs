using System.Collections.Immutable;
using System.Globalization;
using Riffle.Data;
using Riffle.Distillation;
using Riffle.Models;
using Riffle.Reports;
using Riffle.Reports.Documents;

namespace Riffle.Study;

/// <summary>All that gives each row again: the command, the seed, the version, the machine, and whose word counted beside the labels.</summary>
internal sealed class OriginSection
{
    private const string Title = "How each row came about";

    private readonly Settings _settings;
    private readonly Dataset _data;
    private readonly ImmutableArray<Row> _rows;
    private readonly string? _softLabels;

    private OriginSection(Settings settings, Dataset data, ImmutableArray<Row> rows)
    {
        (_settings, _data, _rows) = (settings, data, rows);
        _softLabels = settings.SoftLabelsFolder is { } folder ? SoftLabels.Find(folder)?.Identity.Fingerprint : null;
    }

    public static Section Of(Settings settings, Dataset data, ImmutableArray<Row> rows)
    {
        var section = new OriginSection(settings, data, rows);
        return new("origins", Title, [.. section.Rows(), .. section.FirstWeights(), .. section.Teachings(), .. section.TrainedTeachers()]);
    }

    private IEnumerable<DocumentBlock> Rows()
    {
        yield return new Paragraph(
            "The command trains the network anew; the same command of 'riffle reproduce' goes on with what is there. Training time is that of all "
            + "sessions, validation after each epoch included, decoding of the images before it not. The result depends neither on threads nor on "
            + "interruptions. Latency is the median of repeated runs of a network with 200 classes, from normalised pixels to logits, on one thread.");
        yield return new TableBlock(Title, Columns, [.. _rows.Select(row => Origin(row, row.Run, _settings.RunOf(row.Model)))]);
        if (_settings.Beside is not { } beside)
            yield break;
        yield return new Paragraph($"Those of {beside}:");
        yield return new TableBlock(
            $"How each row of {beside} came about", Columns,
            [.. _rows.Where(row => row.Beside is not null).Select(row => Origin(row, row.Beside, new ReproductionFolder(beside).RunOf(row.Model)))]);
    }

    private static ImmutableArray<Column> Columns =>
    [
        new("Network"), new("Recipe"), new("Epochs", ColumnKind.Number), new("Seed", ColumnKind.Number), new("Riffle"), new("Threads", ColumnKind.Number),
        new("Training time", ColumnKind.Number), new("Trained on"), new("Latency measured on"), new("Command", ColumnKind.Command),
    ];

    /// <summary>The weights that rows began with, and the command that trains them.</summary>
    private IEnumerable<DocumentBlock> FirstWeights()
    {
        var rows = _rows.SelectMany(row => Origins(row).Select(origin => (row.Model, origin.Weights, origin.Notes)))
            .DistinctBy(row => row.Weights.Fingerprint).ToArray();
        if (rows.Length == 0)
            yield break;
        yield return new Paragraph("First weights are those of an epoch of another training, with which that of a row began.");
        yield return new TableBlock(
            "First weights",
            [
                new("Weights"), new("Network"), new("Recipe"), new("Epoch"), new("Top-1, %", ColumnKind.Number),
                new("Training time", ColumnKind.Number), new("Command", ColumnKind.Command),
            ],
            [.. rows.Select(row => FirstWeights(row.Model, row.Weights, row.Notes))]);
    }

    private ImmutableArray<string> FirstWeights(string model, WeightsOrigin weights, RunNotes notes)
    {
        if (weights.Training is not { } training)
            return [weights.Fingerprint, model, "not told by their file", "", "", "", ""];
        return
        [
            weights.Fingerprint, model, Recipe(training), $"{weights.Epoch} of {training.Recipe.Epochs}",
            weights.Measured is { } epoch ? Cell.Percent(epoch.Validation.Top1) : "",
            Time(notes), Command(model, training, weights.Fingerprint),
        ];
    }

    /// <summary>The weights that a row began with, those that they began with, and so on.</summary>
    private static IEnumerable<(WeightsOrigin Weights, RunNotes Notes)> Origins(Row row)
    {
        var notes = row.Run?.Notes;
        for (var origin = row.Run?.Training.Origin; origin is not null; origin = origin.Training?.Origin)
        {
            notes = notes?.Before ?? RunNotes.None;
            yield return (origin, notes);
        }
    }

    /// <summary>The soft labels of the rows, and the command that makes them.</summary>
    private IEnumerable<DocumentBlock> Teachings()
    {
        var labels = _rows.SelectMany(row => Origins(row).Select(origin => origin.Weights.Training).Prepend(row.Run?.Training))
            .Select(training => training?.SoftLabels).OfType<SoftLabelsIdentity>().DistinctBy(labels => labels.Fingerprint).ToArray();
        if (labels.Length == 0)
            yield break;
        yield return new Paragraph(
            "Soft labels are what trained networks, the teachers, said of each training image as it was cropped in a view. A fingerprint of a teacher "
            + "is that of its weights.");
        yield return new TableBlock(
            "Soft labels",
            [new("Soft labels"), new("Teachers, their top-1 and fingerprint"), new("Views", ColumnKind.Number), new("Command", ColumnKind.Command)],
            [.. labels.Select(Teaching)]);
    }

    /// <summary>The teachers that the reproduction trained, and the commands that train them.</summary>
    private IEnumerable<DocumentBlock> TrainedTeachers()
    {
        var folder = new ReproductionFolder(_settings.Out).OfTeachers;
        var teachers = _settings.TeacherNames.Select(name => (Name: name, Run: folder.ReadRun(name))).Where(teacher => teacher.Run is not null).ToArray();
        if (teachers.Length == 0)
            yield break;
        yield return new Paragraph("These teachers were trained first, for the rows.");
        yield return new TableBlock(
            "Teachers",
            [
                new("Teacher"), new("Network"), new("Epochs", ColumnKind.Number), new("Top-1, %", ColumnKind.Number), new("Training time", ColumnKind.Number),
                new("Command", ColumnKind.Command),
            ],
            [
                .. teachers.Select(teacher => (ImmutableArray<string>)
                [
                    teacher.Name, teacher.Run!.Network.Name, Epochs(teacher.Run), teacher.Run.Last is { } last ? Cell.Percent(last.Validation.Top1) : "",
                    Time(teacher.Run.Notes), Command(teacher.Run.Network.Name, teacher.Run.Training, folder.RunOf(teacher.Name)),
                ]),
            ]);
    }

    private ImmutableArray<string> Origin(Row row, Run? found, string folder)
    {
        var latency = row.Latency?.Machine ?? "not measured";
        if (found is not { } run)
            return [row.Model, "not trained yet", "", "", "", "", "", "", latency, ""];
        var (training, notes) = (run.Training, run.Notes);
        string All<T>(Func<Session, T> part) => string.Join(", ", notes.Sessions.Select(part).Distinct());
        return
        [
            row.Model, Recipe(training), Epochs(run), $"{training.Seed}", All(session => session.Riffle), All(session => session.Threads), Time(notes),
            All(session => session.Machine), latency, Command(row.Model, training, folder),
        ];
    }

    private static string Epochs(Run run) => run.IsDone
        ? $"{run.Epochs}"
        : string.Create(CultureInfo.InvariantCulture, $"{run.Training.Progress.Epochs} of {run.Training.Recipe.Epochs}");

    private static string Recipe(TrainingRecord training) => training.Recipe.Name
        + (training.SoftLabels is { } labels ? $", soft labels {labels.Fingerprint}" : "")
        + (training.Origin is { } origin ? $", first weights {origin.Fingerprint}" : "");

    private static string Time(RunNotes notes) => notes.Sessions.IsEmpty ? "not recorded" : DurationText.Of(notes.Time);

    /// <summary>The command that trains a network again; soft labels that are not those asked for now are somewhere else.</summary>
    private string Command(string model, TrainingRecord training, string folder)
    {
        if ((training.From is not null && training.Origin is null)
            || _settings.Options is not { } options || TrainingWords.Of(options, training, Settings.SpecFor(model, _data)) is not { } words)
            return $"no command of this Riffle; the recipe is in the file of {model}";
        return string.Join(' ', (IEnumerable<string>)
        [
            .. Width(training.VectorBits), "riffle train --data", training.Data == DatasetIdentity.Of(_data) ? ShellWord.Path(_settings.Data) : "DATA",
            .. training.Origin is { } origin ? (string[])["--from", FileOf(model, origin)] : ["--model", model], "--out", ShellWord.Path(folder),
            .. training.SoftLabels is { } labels ? ["--soft-labels", FolderOf(labels)] : Array.Empty<string>(),
            .. words,
        ]);
    }

    private ImmutableArray<string> Teaching(SoftLabelsIdentity labels)
    {
        static string Name(TeacherIdentity teacher) =>
            $"{teacher.Network}{(teacher.Top1 is { } top1 ? $", {Cell.Percent(top1)} %" : "")}, {teacher.Fingerprint}";
        var command = _settings.Options?.Between(Recipes.Recipe.Best.Augmentation, labels.Augmentation) is { } words && labels.Mirrored
            ? string.Join(' ', (IEnumerable<string>)
            [
                .. Width(labels.VectorBits), "riffle teach", .. labels.Teachers.Select(FileOf), "--data", ShellWord.Path(_settings.Data), "--out", FolderOf(labels),
                "--views", $"{labels.Views}", "--seed", $"{labels.Seed}", .. words,
            ])
            : "no command of this Riffle, which asks its teachers about mirror images as well";
        return [labels.Fingerprint, string.Join("; ", labels.Teachers.Select(Name)), $"{labels.Views}", command];
    }

    /// <summary>Other widths give other bits.</summary>
    private static string[] Width(int? bits) => bits is null ? [] : [$"RIFFLE_VECTOR={bits}"];

    private string FolderOf(SoftLabelsIdentity labels) => labels.Fingerprint == _softLabels ? ShellWord.Path(_settings.SoftLabelsFolder!) : "FOLDER";

    /// <summary>Where the weights are that a training of a network began with: where they were asked for now, or where their own command puts them.</summary>
    private string FileOf(string model, WeightsOrigin origin) =>
        Find(origin.Fingerprint, _settings.FirstWeightsOf(model) is { } file ? [file] : [])
        ?? (origin.Epoch == origin.Training?.Best?.Epoch ? origin.Fingerprint : $"{origin.Fingerprint}/checkpoints/last.safetensors");

    /// <summary>Where a teacher is, if it is one of the rows.</summary>
    private string FileOf(TeacherIdentity teacher)
    {
        var folder = new ReproductionFolder(_settings.Out);
        string[] places = [folder.ModelOf(teacher.Network), folder.BestOf(teacher.Network), .. _settings.TeacherNames.Select(folder.OfTeachers.ModelOf)];
        return Find(teacher.Fingerprint, places) ?? "TEACHER";
    }

    private static string? Find(string fingerprint, IEnumerable<string> places) =>
        places.Where(File.Exists).FirstOrDefault(place => WeightsOrigin.Of(Checkpoint.Load(place)).Fingerprint == fingerprint) is { } found
            ? ShellWord.Path(found)
            : null;
}
