using System.Diagnostics;
using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Models;
using Riffle.Training;

namespace Riffle.Learning;

/// <summary>What is to be learnt.</summary>
/// <param name="Photos">Anything that <see cref="Preparation"/> accepts, or a data set folder that it wrote.</param>
/// <param name="Run">The run folder to write. What is there already is not done again.</param>
internal sealed record LearningRequest(string Photos, string Run)
{
    /// <summary>Time for everything. Where the machine becomes slower, fewer epochs are trained; an epoch that has begun is finished, and evaluated.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Runs, checkpoints and files of other programs to choose a start from; of no effect with <see cref="From"/>.</summary>
    public IReadOnlyList<string> Starts { get; init; } = [];

    /// <summary>The run that learns more; null: none.</summary>
    public string? From { get; init; }

    /// <summary>How images that are not square become squares; null: as the start has it.</summary>
    public FitKind? Fit { get; init; }

    /// <summary>The seed of everything random.</summary>
    public ulong Seed { get; init; }

    /// <summary>Threads that compute; 0: one per core. Does not change the result.</summary>
    public int Threads { get; init; }
}

/// <summary>From a folder of photos to a trained classifier: chooses what is done, by the data and the time, step by step.</summary>
internal sealed class Learner
{
    /// <summary>A fifth: the few images of most collections are measured more surely than with a tenth, and fine-tuning needs few to learn from.</summary>
    private const double ValidationFraction = 1.0 / CrossValidation.Folds;

    /// <summary>A tenth is kept for one look at the end, where enough is left to learn from.</summary>
    private const double TestFraction = 0.1;

    private const int FewestForTest = 1000;

    /// <summary>Part of the time left that a training may take: it may be an epoch late, and what follows it needs some.</summary>
    private const double TimeForTraining = 0.9;

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly LearningRequest _request;
    private readonly IImageCodec _codec;
    private readonly string _data;

    /// <summary>Looks at what is there. The time begins.</summary>
    /// <param name="request">What is to be learnt.</param>
    /// <param name="codec">Decodes the images.</param>
    /// <exception cref="ArgumentException">The run folder has a run on other photos.</exception>
    /// <exception cref="RiffleException">Its data set can't be read.</exception>
    public Learner(LearningRequest request, IImageCodec codec)
    {
        (_request, _codec) = (request, codec);
        _data = Photos.ArePrepared(request.Photos) && request.From is null ? request.Photos : RunData.FolderOf(request.Run);
        if (HasOwnData && Photos.ArePrepared(_data) && Dataset.Open(_data, codec).Info.Source is var source
            && source != Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(request.Photos))))
        {
            throw new AdvisedArgumentException($"{request.Run}: the folder has a run on {source}, not on {request.Photos}.") { CommandLineAdvice = "Give another --out." };
        }
    }

    /// <summary>The time since the beginning.</summary>
    public TimeSpan Elapsed => _clock.Elapsed;

    private bool HasOwnData => _data != _request.Photos;

    private TimeSpan TimeLeft => _request.Time - Elapsed;

    /// <summary>The steps, each chosen when the one before was taken.</summary>
    /// <param name="observer">Sees what is done between them.</param>
    /// <param name="cancel">Stops what is done between them.</param>
    /// <exception cref="ArgumentException">The run was begun with another <see cref="LearningRequest.Fit"/>.</exception>
    /// <exception cref="RiffleException">Photos, weights or a run can't be read.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IEnumerable<LearningStep> Steps(ILearningObserver observer, CancellationToken cancel = default)
    {
        var known = _request.From is null ? null : RunData.Of(_request.From);
        if (!Photos.ArePrepared(_data))
            yield return Preparation(known, cancel);

        var training = Elapsed;
        if (RunData.IsBegun(_request.Run))
        {
            RequireSameFit();
            yield return new ResumptionStep(_request.Run, TimeLeft * TimeForTraining);
        }
        else
        {
            var starts = new List<string>();
            foreach (var start in _request.From is { } from ? [from] : _request.Starts)
            {
                var imported = _request.From is null && WeightImport.IsNeeded(start) ? RunData.ImportOf(_request.Run, start) : null;
                if (imported is not null && !Directory.Exists(imported))
                    yield return new ImportStep(start, imported);
                starts.Add(imported ?? start);
            }

            var plan = observer.Compare(progress => LearningPlan.Make(
                Open(_data), [.. starts.Select(FineTuning.Load)], TimeLeft, keepSize: _request.From is not null, _request.Fit, _request.Threads, progress, cancel));
            training = Elapsed;
            yield return new FineTuningStep(_data, plan.Chosen.Start.Path, plan.Chosen.ImageSize, plan.Recipe, _request.Run, _request.Seed, TimeLeft * TimeForTraining);
        }

        training = Elapsed - training;
        yield return new EvaluationStep(_request.Run, _data, Split.Validation);
        var data = Open(_data);
        if (data.Count(Split.Test) > 0)
            yield return new EvaluationStep(_request.Run, _data, Split.Test);
        var crossValidates = known is null && HasOwnData && CrossValidation.IsOfUse(data.Info) && training * CrossValidation.Folds < TimeLeft;
        if (known is not null)
            Compare(known, observer, cancel);
        foreach (var step in crossValidates ? Folds(data.Info.Validation, observer) : [])
            yield return step;
        if (crossValidates || data.Count(Split.Test) > 0)
            yield return new ReportStep(_request.Run, _data);
    }

    private Dataset Open(string folder) => Dataset.Open(folder, _codec);

    private PreparationStep Preparation(string? known, CancellationToken cancel)
    {
        var photos = Photos.Of(_request.Photos, oneClass: known is not null, cancel);
        var step = new PreparationStep(_request.Photos, _data, _request.Seed, AddTo: known);
        return known is not null || photos.HasValidation ? step
            : step with { Validation = ValidationFraction, Test = photos.Images >= FewestForTest ? TestFraction : null };
    }

    private void RequireSameFit()
    {
        if (_request.Fit is { } fit && Checkpoint.Load(RunFolder.FindLast(_request.Run)!).Fit is var begun && begun != fit)
        {
            throw new AdvisedArgumentException($"{_request.Run}: the run was begun with images that become squares by {begun.Name()}, not by {fit.Name()}.")
            {
                CommandLineAdvice = $"Leave out --fit {fit.Name()}, or give another --out.",
            };
        }
    }

    /// <summary>The trainings of the other folds, and what comes of all of them.</summary>
    private IEnumerable<LearningStep> Folds(int validation, ILearningObserver observer)
    {
        observer.CrossValidating(validation);
        // The last checkpoint knows how many epochs there was time for.
        var (trained, size) = (LastOf(_request.Run), Checkpoint.Load(_request.Run).Spec.ImageSize);
        var folds = new List<(TrainingRecord, int)> { (trained, validation) };
        for (var fold = 1; fold < CrossValidation.Folds; fold++)
        {
            var run = RunData.FoldOf(_request.Run, fold);
            var data = RunData.FolderOf(run);
            if (!Photos.ArePrepared(data))
                yield return new PreparationStep(_request.Photos, data, _request.Seed, ValidationFraction, Fold: fold) { IsOfFold = true };
            var time = TimeLeft * TimeForTraining / (CrossValidation.Folds - fold);
            yield return RunData.IsBegun(run)
                ? new ResumptionStep(run, time) { IsOfFold = true }
                : new FineTuningStep(data, trained.From!, size, trained.Recipe, run, _request.Seed, time) { IsOfFold = true };
            folds.Add((LastOf(run), Open(data).Count(Split.Validation)));
        }

        var found = CrossValidation.Of(folds);
        RunResults.Keep(_request.Run, found);
        observer.CrossValidated(found);
    }

    private static TrainingRecord LastOf(string run) => Checkpoint.Load(RunFolder.FindLast(run)!).Training!;

    /// <summary>Measures what has become of that which a run knew.</summary>
    private void Compare(string known, ILearningObserver observer, CancellationToken cancel)
    {
        var data = Open(known);
        double Top1(string run) => Evaluator.Evaluate(Checkpoint.Load(run), data, _request.Threads, cancel: cancel).Top1;
        observer.Compared(data.Count(Split.Validation), Top1(_request.From!), Top1(_request.Run));
    }
}
