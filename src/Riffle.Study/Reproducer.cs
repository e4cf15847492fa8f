using System.Diagnostics;
using Riffle.Data;
using Riffle.Distillation;
using Riffle.Evaluation;
using Riffle.Execution;
using Riffle.Formats;
using Riffle.Images;
using Riffle.Measurement;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Reports.Documents;
using Riffle.Training;

namespace Riffle.Study;

/// <summary>Trains the networks of the study's tables, each in its own run folder, and reports the results.</summary>
internal sealed class Reproducer
{
    private const int MostConfusedPairs = 5;

    /// <summary>Long enough for a stable median, short enough for twenty networks.</summary>
    private static readonly TimeSpan LatencyBudget = TimeSpan.FromSeconds(0.3);

    private readonly Settings _settings;
    private readonly Dataset _data;
    private readonly TeacherLabels? _teacherLabels;
    private readonly ReproductionFolder _folder;
    private readonly ReproductionFolder? _beside;
    private readonly Forecast _forecast = new();
    private readonly Dictionary<string, FineTuning> _firstWeights = [];
    private SoftLabelsIdentity? _softLabels;

    /// <summary>Opens the data set and checks the content of the folder.</summary>
    /// <exception cref="RiffleException">There is no data set, or the folder has runs with other settings.</exception>
    public Reproducer(Settings settings)
    {
        using var width = Arithmetic.Prefer(Arithmetic.PortableBits);
        (_settings, _folder, _data) = (settings, new(settings.Out), Dataset.Open(settings.Data, ImageCodec.Default));
        _softLabels = settings.SoftLabels is { } labels ? SoftLabels.Open(labels).Identity : null;
        foreach (var split in (Split[])[Split.Train, Split.Validation])
        {
            if (_data.Count(split) == 0)
                throw new RiffleException($"{settings.Data}: the data set has no {split.Adjective()} images; prepare it again with some");
        }

        _beside = settings.Beside is { } beside ? new(beside) : null;
        if (_beside is not null && StudyFigures.Models.All(model => _beside.ReadRun(model) is null))
            throw new RiffleException($"{settings.Beside}: no network of the study is trained there; give --beside the --out of another reproduction");
        if (settings.From is not null)
        {
            foreach (var model in settings.ToTrain)
                _firstWeights.Add(model, LoadFirstWeights(model));
        }

        if (!settings.TeacherNames.IsEmpty)
            _teacherLabels = new(settings, _data);
        RefuseOthers();
    }

    /// <summary>Does the remaining work.</summary>
    /// <param name="display">Shows it.</param>
    /// <param name="cancel">Stops the training after the current step.</param>
    public ReproductionOutcome Run(IReproductionDisplay display, CancellationToken cancel)
    {
        using var width = Arithmetic.Prefer(Arithmetic.PortableBits);
        _folder.Create();
        if (Arithmetic.VectorBits != Arithmetic.PortableBits)
            display.HasOtherBits(Arithmetic.VectorBits);
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
            catch (RiffleException e) when (e is not BadDataException && !stage.IsNeeded && _settings.Ranks is null)
            {
                // If one network diverges, the others are still trained; but not by several ranks, which may have failed at different places.
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
        var left = _settings.ToTrain.Select(Planned)
            .Where(run => run.Found is not { IsDone: true, Confused: not null } || !File.Exists(_folder.ModelOf(run.Name))).ToArray();
        ulong[] seeds = _settings.HasSpread && _folder.ReadNotes(SeedSpread.Model).Spread is null ? [.. OtherSeeds.Where(seed => !PlannedWith(seed).IsDone)] : [];
        if (left.Length == 0 && seeds.Length == 0)
            return [];
        var times = MeasureTraining([.. left.Where(run => run.EpochsLeft(_data) > 0)], display, cancel);
        return
        [
            .. _teacherLabels?.Stages(display, cancel) ?? [],
            .. left.Select(run => new Stage(run.Name, run.Left(_data), times.GetValueOrDefault(run.Name), () => Train(run.Name, display, cancel))),
            .. seeds.Select(seed => new Stage(
                $"{SeedSpread.Model}, seed {seed}", PlannedWith(seed).Left(_data), PlannedWith(seed).Measure(_data, cancel), () => TrainWith(seed, display, cancel))),
        ];
    }

    /// <summary>The seeds beside that of the rows with which one of them is trained again.</summary>
    private IEnumerable<ulong> OtherSeeds => Enumerable.Range(1, SeedSpread.Seeds - 1).Select(i => _settings.Seed + (ulong)i);

    /// <summary>The row whose spread is measured, with another seed.</summary>
    private PlannedRun PlannedWith(ulong seed) => Planned(SeedSpread.Model) with { Folder = _folder.OfSeed(seed), Seed = seed };

    /// <summary>Trains that row with another seed, and notes the spread after the last; false if cancelled.</summary>
    private bool TrainWith(ulong seed, IReproductionDisplay display, CancellationToken cancel)
    {
        if (!PlannedWith(seed).Train(_data, display, cancel))
            return false;
        Run?[] runs = [Planned(SeedSpread.Model).Found, .. OtherSeeds.Select(other => PlannedWith(other).Found)];
        if (Array.TrueForAll(runs, run => run is { IsDone: true }))
        {
            var spread = new SeedSpread([.. runs.Select(run => run!.Last!.Validation.Top1)]);
            _folder.Write(SeedSpread.Model, _folder.ReadNotes(SeedSpread.Model) with { Spread = spread });
        }

        return true;
    }

    /// <summary>Refuses runs with other settings, including those of the teachers. Networks that are not selected may have other settings, but the same images.
    /// </summary>
    private void RefuseOthers()
    {
        if (_teacherLabels is not null)
            _softLabels = _teacherLabels.Identity;
        foreach (var model in StudyFigures.Models)
            Planned(model).RefuseOther(_data, isWanted: _settings.ToTrain.Contains(model));
        foreach (var seed in OtherSeeds.Where(_ => _settings.HasSpread))
            PlannedWith(seed).RefuseOther(_data);
    }

    private PlannedRun Planned(string model) =>
        new(_folder, model, Settings.SpecFor(model, _data), _settings.RecipeFor(model, _data, _softLabels), _settings.Seed, _settings.Threads)
        {
            SoftLabels = _softLabels?.Fingerprint ?? (_teacherLabels is null ? null : PlannedRun.NotMade),
            SoftLabelsFolder = _settings.SoftLabelsFolder,
            From = _firstWeights.GetValueOrDefault(model),
            Ranks = _settings.Ranks,
        };

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

    private void MeasureLatencies(IReproductionDisplay display, CancellationToken cancel)
    {
        var missing = StudyFigures.Models.Select(_folder.Read)
            .Where(row => row.Latency?.Machine != Machine.Description && (row.Run is not null || _settings.Selected.Contains(row.Model)))
            .Select(row => row.Model).ToArray();
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

    private Dictionary<string, TimeSpan> MeasureTraining(PlannedRun[] runs, IReproductionDisplay display, CancellationToken cancel)
    {
        var times = new Dictionary<string, TimeSpan>();
        if (runs.Length == 0)
            return times;
        using var line = display.Measuring("measure training", runs.Length);
        foreach (var run in runs)
        {
            times[run.Name] = run.Measure(_data, cancel);
            line.Report(times.Count, run.Name);
        }

        return times;
    }

    /// <summary>Trains a network or continues its training; false if cancelled.</summary>
    private bool Train(string model, IReproductionDisplay display, CancellationToken cancel)
    {
        if (Planned(model).SoftLabels == PlannedRun.NotMade)
            RefuseOthers();
        if (!Planned(model).Train(_data, display, cancel))
            return false;
        Finish(model, cancel);
        return true;
    }

    /// <summary>
    /// Writes the network and its card to <c>models/</c>, and evaluates it once more to find the classes that it confuses. A network whose training was killed before its doubt
    /// was stored, or is of an older version, gets one.
    /// </summary>
    private void Finish(string model, CancellationToken cancel)
    {
        var checkpoint = Checkpoint.Load(_folder.ModelOf(model));
        var confusions = new ConfusionMatrix(checkpoint.Classes.Count);
        var doubt = checkpoint.Doubt is null ? new DoubtFit(checkpoint.Classes.Count, _data.Count(Split.Validation)) : null;
        var evaluation = Evaluator.Evaluate(checkpoint, _data, _settings.Threads, confusions: confusions, doubt: doubt, cancel: cancel);
        if (doubt is not null)
            Checkpoint.Store(_folder.ModelOf(model), doubt.Fit());
        string ShortName(int label) => checkpoint.Classes[label].Text.Split(',')[0];
        var pairs = confusions.MostConfused(MostConfusedPairs)
            .Select(pair => new ConfusedPair(ShortName(pair.First), ShortName(pair.Second), pair.FirstAsSecond, pair.SecondAsFirst));
        _folder.Write(model, _folder.ReadNotes(model) with { Confused = new(checkpoint.Training!.Measured!.Epoch, evaluation.Top1, [.. pairs]) });
        AtomicFile.WriteText(_folder.CardOf(model), MarkdownWriter.Write(ModelCard.Of(_folder.Read(model), checkpoint)));
    }

    private void WriteReport()
    {
        var report = Report.Of(_settings, _data, [.. StudyFigures.Models.Select(model => _folder.Read(model) with { Beside = _beside?.ReadRun(model) })]);
        AtomicFile.WriteText(_folder.Html, HtmlWriter.Write(report));
        foreach (var picture in report.Pictures)
            _folder.Write(picture);
        AtomicFile.WriteText(_folder.Markdown, MarkdownWriter.Write(report));
    }

    private ReproductionOutcome Outcome(bool completed, List<string> failures) =>
        new(completed, [.. failures], [.. _settings.Selected.Select(_folder.Read)], _folder.Html, _folder.Markdown);
}
