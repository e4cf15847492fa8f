using System.Diagnostics;
using System.Globalization;
using Riffle.Data;
using Riffle.Distillation;
using Riffle.Evaluation;
using Riffle.Formats;
using Riffle.Measurement;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Study.Documents;
using Riffle.Training;

namespace Riffle.Study;

/// <summary>Trains the networks of the study's tables, each in its own run folder, and reports the results.</summary>
internal sealed class Reproducer
{
    private const int MostConfusedPairs = 5;
    private const string NotMade = "that are not made yet";

    /// <summary>Long enough for a stable median, short enough for twenty networks.</summary>
    private static readonly TimeSpan LatencyBudget = TimeSpan.FromSeconds(0.3);

    private readonly Settings _settings;
    private readonly Dataset _data;
    private readonly TeacherLabels? _teacherLabels;
    private readonly ReproductionFolder _folder;
    private readonly Forecast _forecast = new();
    private readonly Dictionary<string, FineTuning> _firstWeights = [];
    private SoftLabelsIdentity? _softLabels;

    /// <summary>Opens the data set and checks the content of the folder.</summary>
    /// <exception cref="RiffleException">There is no data set, or the folder has runs with other settings.</exception>
    public Reproducer(Settings settings)
    {
        (_settings, _folder, _data) = (settings, new(settings.Out), Dataset.Open(settings.Data));
        _softLabels = settings.SoftLabels is { } labels ? SoftLabels.Open(labels).Identity : null;
        foreach (var split in (Split[])[Split.Train, Split.Validation])
        {
            if (_data.Count(split) == 0)
                throw new RiffleException($"{settings.Data}: the data set has no {(split == Split.Train ? "training" : "validation")} images; prepare it again with some");
        }

        if (settings.From is not null)
        {
            foreach (var model in settings.ToTrain)
                _firstWeights.Add(model, LoadFirstWeights(model));
        }

        if (!settings.Teachers.IsEmpty)
            _teacherLabels = new(settings, _data);
        RefuseOthers();
    }

    /// <summary>Does the remaining work.</summary>
    /// <param name="display">Shows it.</param>
    /// <param name="cancel">Stops the training after the current step.</param>
    public ReproductionOutcome Run(IReproductionDisplay display, CancellationToken cancel)
    {
        _folder.Create();
        MeasureLatencies(display, cancel);
        var stages = Stages(display, cancel);
        display.Planned(_settings.ToTrain, stages);
        WriteReport();

        var failures = new List<string>();
        for (var i = 0; i < stages.Count; i++)
        {
            var (stage, clock) = (stages[i], Stopwatch.StartNew());
            display.Began(stages, i, _forecast.Correct(stage.Expected), _forecast.Correct(Stage.Sum(stages.Skip(i))));
            try
            {
                if (!stage.Do())
                {
                    WriteReport();
                    return Outcome(completed: false, failures);
                }

                _forecast.Learn(stage.Expected, clock.Elapsed);
            }
            catch (RiffleException e) when (e is not BadDataException && !stage.IsNeeded)
            {
                // If one network diverges, the others are still trained.
                display.Failed(stage, e);
                failures.Add(stage.Name);
            }

            WriteReport();
        }

        return Outcome(completed: true, failures);
    }

    /// <summary>The remaining work, the smallest network first, with its measured duration on this machine.</summary>
    public List<Stage> Stages(IReproductionDisplay display, CancellationToken cancel)
    {
        var left = _settings.ToTrain.Select(model => (Model: model, Run: _folder.ReadRun(model)))
            .Where(row => row.Run is not { IsDone: true, Confused: not null } || !File.Exists(_folder.ModelOf(row.Model))).ToArray();
        if (left.Length == 0)
            return [];
        var times = MeasureTraining([.. left.Where(row => EpochsLeft(row.Model, row.Run) > 0)], display, cancel);
        return
        [
            .. _teacherLabels?.Stages(display, cancel) ?? [],
            .. left.Select(row => new Stage(
                row.Model, Epochs(row.Model, row.Run), times.GetValueOrDefault(row.Model), () => Train(row.Model, display, cancel))),
        ];
    }

    /// <summary>Refuses runs with other settings, including those of the teachers.</summary>
    private void RefuseOthers()
    {
        if (_teacherLabels is not null)
            _softLabels = _teacherLabels.Identity;
        foreach (var model in StudyFigures.Models)
            Refuse(model);
    }

    /// <summary>Refuses a run with other settings. Networks that are not selected may have other settings, but the same images.</summary>
    private void Refuse(string model)
    {
        if (_folder.ReadRun(model) is not { } run)
            return;
        var (training, spec, recipe) = (run.Training, Settings.SpecFor(model, _data), RecipeFor(model));
        var selected = _settings.ToTrain.Contains(model);
        var difference =
            training.Data.Fingerprint != _data.Info.Fingerprint
                ? $"on another data set (fingerprint {training.Data.Fingerprint}; --data has {_data.Info.Fingerprint})"
            : run.Network != spec ? "with another network size"
            : !selected ? null
            : training.Seed != _settings.Seed ? $"with --seed {training.Seed}, not {_settings.Seed}"
            : training.Recipe.Name != recipe.Name ? $"with --recipe {training.Recipe.Name}, not {recipe.Name}"
            : training.Recipe.Epochs != recipe.Epochs ? $"with --epochs {training.Recipe.Epochs}, not {recipe.Epochs}"
            : training.SoftLabels?.Fingerprint != WantedSoftLabels
                ? $"{Taught(training.SoftLabels?.Fingerprint)}, not {Taught(WantedSoftLabels)}"
            : OriginOf(training) != OriginFor(model) ? $"{Begun(OriginOf(training))}, not {Begun(OriginFor(model))}"
            : training.Recipe != recipe ? $"with other values of the recipe {recipe.Name}"
            : null;
        if (difference is not null)
        {
            throw new RiffleException($"{run.Folder}: was trained {difference}; "
                + $"use the same settings, give another --out, select other networks with --models, or move {run.Folder} away");
        }
    }

    /// <summary>The fingerprint of the soft labels that networks are trained with; null: none.</summary>
    private string? WantedSoftLabels => _softLabels?.Fingerprint ?? (_teacherLabels is null ? null : NotMade);

    private static string Taught(string? softLabels) => softLabels is null ? "without soft labels" : $"with the soft labels {softLabels}";

    private FineTuning LoadFirstWeights(string model)
    {
        var file = _settings.FirstWeightsOf(model)!;
        if (!File.Exists(file))
        {
            throw new RiffleException(
                $"{file}: no such file; --from takes a folder with MODEL.safetensors for each network. Give such a folder, or leave {model} out of --models");
        }

        var from = FineTuning.Load(file);
        return from.Checkpoint.Spec == Settings.SpecFor(model, _data) && from.Checkpoint.Classes.SequenceEqual(_data.Info.Classes)
            ? from
            : throw new RiffleException($"{from.Path}: this is not a {model} with the classes of {_settings.Data} and the right size, but a {from.Checkpoint.Name}; "
                + $"give another folder with --from, or leave {model} out of --models");
    }

    /// <summary>The fingerprint of the weights that a training started with; null: it started with new weights.</summary>
    private static string? OriginOf(TrainingRecord training) => training.From is null ? null : training.Origin?.Fingerprint ?? training.From;

    private string? OriginFor(string model) => _firstWeights.TryGetValue(model, out var from) ? WeightsOrigin.Of(from.Checkpoint).Fingerprint : null;

    private static string Begun(string? origin) => origin is null ? "starting with new weights" : $"starting with the weights {origin}";

    private void MeasureLatencies(IReproductionDisplay display, CancellationToken cancel)
    {
        var missing = _settings.Selected.Where(model => _folder.Read(model).Latency?.Machine != Machine.Description).ToArray();
        if (missing.Length == 0)
            return;
        using var line = display.Measuring("latency", missing.Length);
        foreach (var (i, model) in missing.Index())
        {
            var network = NetworkCatalogue.Build(NetworkCatalogue.Resolve(model));
            var timings = NetworkBenchmark.Of(network, LatencyBudget).Inference(batch: 1, threads: 1, cancel).Timings;
            _folder.Write(model, new Latency(Machine.Description, RiffleVersion.Text, Math.Round(timings.Median, 4), Math.Round(timings.Percentile(95), 4)));
            line.Report(i + 1, model);
        }
    }

    private Dictionary<string, TimeSpan> MeasureTraining((string Model, Run? Run)[] rows, IReproductionDisplay display, CancellationToken cancel)
    {
        var times = new Dictionary<string, TimeSpan>();
        if (rows.Length == 0)
            return times;
        using var line = display.Measuring("measure training", rows.Length);
        foreach (var (model, run) in rows)
        {
            var spec = Settings.SpecFor(model, _data);
            times[model] = EpochsLeft(model, run) * Forecast.MeasureEpoch(spec, RecipeFor(model), _data, _settings.Threads, cancel);
            line.Report(times.Count, model);
        }

        return times;
    }

    private double EpochsLeft(string model, Run? run) => Forecast.EpochsLeft(RecipeFor(model), run, _data.Count(Split.Train));

    private string Epochs(string model, Run? run) =>
        string.Create(CultureInfo.InvariantCulture, $"{EpochsLeft(model, run):0.#} of {RecipeFor(model).Epochs} epochs");

    private Recipe RecipeFor(string model) => _settings.RecipeFor(model, _data, _softLabels);

    /// <summary>Trains a network or continues its training; false if cancelled.</summary>
    private bool Train(string model, IReproductionDisplay display, CancellationToken cancel)
    {
        _folder.Create();
        if (WantedSoftLabels == NotMade)
            RefuseOthers();
        var run = _folder.ReadRun(model);
        if (run is not { IsDone: true })
        {
            var from = _firstWeights.GetValueOrDefault(model);
            using var trainer = display.Open(progress => run is null
                ? Trainer.Start(
                    _data, Settings.SpecFor(model, _data), RecipeFor(model), _folder.RunOf(model),
                    new() { Seed = _settings.Seed, Threads = _settings.Threads, From = from, SoftLabels = _settings.SoftLabelsFolder }, progress, cancel)
                : Trainer.Resume(run.Folder, _settings.Data, _settings.SoftLabelsFolder, _settings.Threads, progress: progress, cancel: cancel));

            // Also on a resume, because an earlier process may have been killed before it got here. Keep what it wrote if the notes beside the weights are gone.
            if (from is not null)
            {
                var notes = _folder.ReadNotes(model);
                _folder.Write(model, notes with { Before = ReproductionFolder.NotesBeside(from.Path) ?? notes.Before });
            }

            using var session = new SessionClock(_folder, model, _settings.Threads, TimeProvider.System);
            if (!display.Train(trainer, session, cancel).Completed)
                return false;
        }

        Finish(model, cancel);
        return true;
    }

    /// <summary>Writes the network and its card to <c>models/</c>, and evaluates it once more to find the classes that it confuses.</summary>
    private void Finish(string model, CancellationToken cancel)
    {
        var checkpoint = _folder.WriteModel(model);
        var confusions = new ConfusionMatrix(checkpoint.Classes.Count);
        var evaluation = Evaluator.Evaluate(checkpoint, _data, _settings.Threads, confusions: confusions, cancel: cancel);
        string ShortName(int label) => checkpoint.Classes[label].Text.Split(',')[0];
        var pairs = confusions.MostConfused(MostConfusedPairs)
            .Select(pair => new ConfusedPair(ShortName(pair.First), ShortName(pair.Second), pair.FirstAsSecond, pair.SecondAsFirst));
        _folder.Write(model, _folder.ReadNotes(model) with { Confused = new(checkpoint.Training!.Best!.Epoch, evaluation.Top1, [.. pairs]) });
        AtomicFile.WriteText(_folder.CardOf(model), MarkdownWriter.Write(ModelCard.Of(_folder.Read(model), checkpoint)));
    }

    private void WriteReport()
    {
        var report = Report.Of(_settings, _data, [.. StudyFigures.Models.Select(_folder.Read)]);
        AtomicFile.WriteText(_folder.Html, HtmlWriter.Write(report));
        foreach (var picture in report.Pictures)
            _folder.Write(picture);
        AtomicFile.WriteText(_folder.Markdown, MarkdownWriter.Write(report));
    }

    private ReproductionOutcome Outcome(bool completed, List<string> failures) =>
        new(completed, [.. failures], [.. _settings.Selected.Select(_folder.Read)], _folder.Html, _folder.Markdown);
}
