using System.Collections.Immutable;
using System.Diagnostics;
using Riffle.Data;
using Riffle.Distillation;
using Riffle.Distribution;
using Riffle.Evaluation;
using Riffle.Execution;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;

namespace Riffle.Training;

/// <summary>How a call of <see cref="Trainer.Run"/> ended.</summary>
/// <param name="Completed">Whether every epoch has ended; false if cancelled.</param>
/// <param name="Training">The run so far.</param>
/// <param name="BestCheckpoint">The file with the weights of the best epoch; null before the first epoch has ended.</param>
public sealed record TrainingOutcome(bool Completed, TrainingRecord Training, string? BestCheckpoint);

/// <summary>
/// Trains a network in a run folder. Network, recipe, seed and data set determine every bit of the result, whatever the number of threads and the
/// interruptions, and whatever the number of ranks that share the work: <c>checkpoints/last.safetensors</c> contains the whole state of a training.
/// </summary>
public sealed class Trainer : IDisposable
{
    // Rank 0 has them, or the only process.
    private readonly RunFolder? _folder;
    private readonly RunEvents? _events;

    private readonly string _run;
    private readonly Ranks? _ranks;
    private readonly int _batch;
    private readonly NetworkSpec _spec;
    private readonly ImmutableArray<DatasetClass> _classes;
    private readonly Normalisation _normalisation;
    private Recipe _recipe;
    private readonly Weights _weights;
    private readonly Optimiser _optimiser;
    private readonly BatchLoader _loader;
    private readonly TrainingPlan _plan;
    private readonly SoftLabels? _softLabels;
    private readonly string? _softLabelsFolder;
    private readonly float[] _taught = [];
    private readonly ClassBalance? _balance;
    private readonly Func<Ranks?, IProgress<WorkProgress>?, CancellationToken, Evaluator> _createEvaluator;
    private readonly Evaluator _evaluator;
    private readonly Stack<IDisposable> _owned = new();
    private bool _isDisposed;

    private TrainingRecord _record;

    private Trainer(
        RunFolder? folder,
        string run,
        Ranks? ranks,
        Dataset data,
        Checkpoint start,
        (SoftLabels Labels, string Folder)? softLabels,
        int threads,
        long? imageMemory,
        IProgress<WorkProgress>? progress,
        CancellationToken cancel)
    {
        (_folder, _run, _ranks) = (folder, run, ranks is { Count: > 1 } ? ranks : null);
        if (folder is not null)
            _owned.Push(folder);
        try
        {
            (_spec, _weights, _normalisation, _record) = (start.Spec, start.Weights, start.Normalisation, start.Training!);
            (_classes, _recipe, DataDirectory, _softLabelsFolder) = ([.. start.Classes], _record.Recipe, data.Directory, softLabels?.Folder);
            _optimiser = new(_weights, _recipe.Optimiser, (float)_recipe.Momentum, (float)_recipe.WeightDecay, _recipe.FreezeFeatures);
            foreach (var ((_, to), (_, from)) in _optimiser.State.Zip(start.OptimiserState))
                from.CopyTo(to, 0);

            _batch = Math.Min(_recipe.Batch, data.Count(Split.Train));
            var own = TrainingPlan.ImagesOf(_batch, _ranks);
            IProgress<WorkProgress>? Decoding(int before) =>
                progress is null ? null : new PartOfWork(progress, before, data.Count(Split.Train) + data.Count(Split.Validation));
            _owned.Push(_loader = new(
                data, Split.Train, _spec.ImageSize, ImageFit.StoredSide(_spec.ImageSize, data.Info), _recipe.Fit, _batch, _recipe.Augmentation, shuffle: true,
                dropLast: true, _record.Seed, BatchLoader.ThreadsFor(threads), imageMemory, Decoding(0), cancel,
                _ranks is null ? null : new BatchShare(own.First, own.Count)));
            if (_record.Progress is var (epochs, steps, _) && (epochs != _record.History.Length || steps < 0 || steps > _loader.BatchesPerEpoch))
                throw new BadDataException($"{RunFolder.LastOf(run)}: the checkpoint is at step {steps} of epoch {epochs + 1}, which this training does not have; start a new run");
            _balance = _recipe.Balanced ? new(_weights, data) : null;
            _owned.Push(_plan = new(_weights, _batch, _ranks, _recipe.LocalBatchNorm, threads, _recipe.FreezeFeatures));
            if (softLabels is var (labels, _))
                (_softLabels, _taught) = (labels, new float[own.Count * _classes.Length]);
            _createEvaluator = (ranks, progress, cancel) => new(
                _weights, _normalisation, _classes, data, Split.Validation, isWhole: _recipe.Fit != FitKind.Crop, _recipe.Fit, threads, imageMemory / 2,
                progress, cancel, ranks);
            _owned.Push(_evaluator = _createEvaluator(_ranks, Decoding(data.Count(Split.Train)), cancel));
            if (folder is not null)
                _owned.Push(_events = new(folder.Directory, _spec, _classes, data.Codec));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The longest time between checkpoints within an epoch. Does not change the result.</summary>
    public TimeSpan CheckpointInterval
    {
        get => Live(field);
        set => field = Live(value);
    } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// The time for <see cref="Run"/>; null: as long as it takes. Where there is no time for all epochs that are left, at the pace of those before, fewer are planned at the end
    /// of an epoch: the learning rate falls faster from there on and still comes to its end (<see cref="TrainingRecord.PlannedEpochs"/>). An epoch that has begun is finished.
    /// </summary>
    /// <exception cref="ArgumentException">Several ranks train, each of which has a clock of its own.</exception>
    public TimeSpan? TimeLimit
    {
        get => Live(field);
        set => field = Live(_ranks) is null || value is null ? value : throw new ArgumentException("several ranks can't train by the clock, because each has its own");
    }

    /// <summary>Measures <see cref="TimeLimit"/>.</summary>
    internal TimeProvider Clock { get; set; } = TimeProvider.System;

    /// <summary>The run so far.</summary>
    public TrainingRecord Training => Live(_record);

    /// <summary>
    /// Whether some steps of the run were computed by another version of the <see cref="Arithmetic"/>, or with vectors of another width: then the weights are
    /// not those of an uninterrupted training, bit for bit.
    /// </summary>
    public bool HasOtherArithmetic => (Live(_record).Arithmetic, _record.VectorBits) != (Arithmetic.Version, Arithmetic.VectorBits);

    /// <summary>The network.</summary>
    public NetworkSpec Network => Live(_spec);

    /// <summary>The data set folder.</summary>
    public string DataDirectory => Live(field);

    /// <summary>Starts a run: creates its folder and writes the untrained checkpoint, so that it can be resumed from then on.</summary>
    /// <param name="data">The data set for training and validation.</param>
    /// <param name="network">The network; it must have as many classes as the data set.</param>
    /// <param name="recipe">The recipe.</param>
    /// <param name="run">The run folder, new or empty.</param>
    /// <param name="options">Seed, threads and what the training starts from; null: the defaults.</param>
    /// <param name="progress">Receives the number of decoded images of both splits, if they are decoded ahead. Called from several threads.</param>
    /// <param name="cancel">Stops the decoding.</param>
    /// <exception cref="ArgumentException">The recipe or the network is invalid, or the network differs from that of
    /// <see cref="TrainerOptions.From"/>.</exception>
    /// <exception cref="RiffleException">The folder is not empty, or the data set can't be trained on.</exception>
    public static Trainer Start(
        Dataset data,
        NetworkSpec network,
        Recipe recipe,
        string run,
        TrainerOptions? options = null,
        IProgress<WorkProgress>? progress = null,
        CancellationToken cancel = default)
    {
        recipe.Check();
        options ??= new();
        var (from, softLabels, seed) = (options.From, options.SoftLabels, options.Seed);
        var ranks = options.Ranks is { Count: > 1 } ? options.Ranks : null;
        if (ranks is not null)
            Agreement.Require(ranks, "a new run");
        if (recipe.FreezeFeatures && from is null)
            throw new ArgumentException("FreezeFeatures requires weights to start from; features that were never trained are not worth keeping.");
        if (network.Classes != data.Info.Classes.Length)
            throw new ArgumentException($"the network has {network.Classes} classes, but the data set {data.Directory} has {data.Info.Classes.Length}");
        if (data.Count(Split.Train) == 0)
            throw new RiffleException($"{data.Directory}: the data set has no training images");

        if (recipe.Fit != FitKind.Crop && data.Info.Baking is not null)
        {
            throw new AdvisedArgumentException($"{data.Directory}: its images were cut to squares when they were baked, so they can't become squares by {recipe.Fit.Name()}.")
            {
                CommandLineAdvice = $"Prepare the images without --bake, or train with --fit crop instead of --fit {recipe.Fit.Name()}.",
            };
        }

        var weights = new Weights(NetworkCatalogue.Build(network));
        RequireTrainable(network.Name, weights.Network);
        Initialisation.Fill(weights, recipe.Initialisation, seed);
        from?.Begin(weights, network, data.Info.Classes);
        var labels = softLabels is null ? null : SoftLabels.Open(softLabels);
        labels?.RequireFor(data, network.ImageSize, recipe.Fit, recipe.Augmentation);
        var record = new TrainingRecord(recipe, seed, DatasetIdentity.Of(data), Progress.None, [], from?.Path, labels?.Identity,
            from is null ? null : WeightsOrigin.Of(from.Checkpoint), data.Info.Baking, Arithmetic.Version)
        {
            VectorBits = Arithmetic.VectorBits,
        };
        var untrained = new Checkpoint(network, weights, data.Info.Classes, from?.Checkpoint.Normalisation ?? Normalisation.ImageNet, record);
        if (ranks is not null)
            Agreement.RequireSame(ranks, untrained, record);
        var folder = ranks is null or { IsFirst: true } ? RunFolder.Create(run) : null;
        try
        {
            var trainer = new Trainer(
                folder, run, ranks, data, untrained, labels is null ? null : (labels, softLabels!), options.Threads, options.ImageMemory, progress, cancel);
            try
            {
                if (recipe.FitClassifier && from?.KeepsClassifier(data.Info.Classes) == false)
                {
                    // A folder with this description and nothing but a best checkpoint counts as not begun.
                    trainer.Describe(options.Threads);
                    trainer.FitClassifier(data, options.Threads, progress, cancel);
                }
            }
            catch
            {
                trainer.Dispose();
                throw;
            }

            return trainer.Begin(options.Threads);
        }
        catch
        {
            folder?.Dispose();
            throw;
        }
    }

    /// <summary>Resumes a run from its last checkpoint.</summary>
    /// <param name="run">The run folder.</param>
    /// <param name="codec">Decodes the images, for example <c>ImageCodec.Default</c>.</param>
    /// <param name="dataDirectory">The folder of the data set, if it was moved; otherwise null.</param>
    /// <param name="softLabels">The folder of the soft labels, if they were moved; otherwise null.</param>
    /// <param name="threads">Threads that compute; 0: one per core.</param>
    /// <param name="imageMemory">The maximum memory for decoded images in bytes, as in <see cref="TrainerOptions"/>; may differ from before.</param>
    /// <param name="ranks">The processes that go on together, as in <see cref="TrainerOptions"/>; may be others than before. They get the checkpoint from rank 0.</param>
    /// <param name="progress">Receives the number of decoded images of both splits, if they are decoded ahead. Called from several threads.</param>
    /// <param name="cancel">Stops the decoding.</param>
    /// <exception cref="RiffleException">There is no run, another process uses it, or the data set is a different one.</exception>
    /// <exception cref="BadDataException">The checkpoint or the data set is damaged.</exception>
    public static Trainer Resume(
        string run,
        IImageCodec codec,
        string? dataDirectory = null,
        string? softLabels = null,
        int threads = 0,
        long? imageMemory = null,
        Ranks? ranks = null,
        IProgress<WorkProgress>? progress = null,
        CancellationToken cancel = default)
    {
        ranks = ranks is { Count: > 1 } ? ranks : null;
        if (ranks is not null)
            Agreement.Require(ranks, "the continuation of a run");
        var folder = ranks is null or { IsFirst: true } ? RunFolder.Open(run) : null;
        try
        {
            var checkpoint = ranks is null ? Checkpoint.Read(folder!.Last) : Agreement.FromFirst(ranks, folder?.Last);
            if (checkpoint.Training is not { } training || checkpoint.OptimiserState.Count == 0)
                throw new BadDataException($"{RunFolder.LastOf(run)}: the checkpoint has weights but no training state, so the run can't be continued.") { CommandLineAdvice = "Start a new run with --from." };
            RequireTrainable(RunFolder.LastOf(run), checkpoint.Weights.Network);
            var isNew = training.Progress == Progress.None;
            training = training with
            {
                Arithmetic = isNew || training.Arithmetic == Arithmetic.Version ? Arithmetic.Version : null,
                VectorBits = isNew || training.VectorBits == Arithmetic.VectorBits ? Arithmetic.VectorBits : null,
            };
            checkpoint = checkpoint.With(training);

            var data = Dataset.Open(dataDirectory ?? Agreement.FromFirst(ranks, folder is null ? null : () => folder.ReadDataDirectory()), codec);
            if (DatasetIdentity.Of(data) != training.Data)
            {
                throw new RiffleException(
                    $"{data.Directory}: this is not the data set of the run "
                    + $"(its fingerprint is {data.Info.Fingerprint}, that of the run {training.Data.Fingerprint}).")
                {
                    CommandLineAdvice = "Give the right folder with --data, or start a new run.",
                };
            }

            var labels = FindSoftLabels(run, training, softLabels, () => Agreement.FromFirst(ranks, folder is null ? null : () => folder.ReadSoftLabelsFolder()));
            return new Trainer(folder, run, ranks, data, checkpoint, labels, threads, imageMemory, progress, cancel).Begin(threads);
        }
        catch
        {
            folder?.Dispose();
            throw;
        }
    }

    /// <summary>Trains until every epoch has ended or the training is cancelled. Allocates nothing between epochs and checkpoints.</summary>
    /// <param name="observer">Observes the training.</param>
    /// <param name="cancel">Stops the training after the current step, and writes a checkpoint.</param>
    /// <exception cref="RiffleException">The loss became NaN or infinite, or a file can't be written. The last checkpoint is intact.</exception>
    /// <exception cref="BadDataException">The data set is damaged.</exception>
    public TrainingOutcome Run(ITrainingObserver? observer = null, CancellationToken cancel = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (_record.IsFinished)
            return Finish(cancel);
        var budget = TimeLimit is { } limit ? new TimeBudget(limit, Clock) : null;
        observer?.Started(Place(LearningRate()));
        while (!_record.IsFinished)
        {
            var clock = Stopwatch.StartNew();
            var before = _record.Progress.Train.Images;
            budget?.BeginEpoch(isWhole: _record.Progress.Steps == 0);
            if (IsStopWanted(cancel) || !TrainEpoch(observer, cancel))
                return Stop();

            var (trainingTime, images) = (clock.Elapsed, _record.Progress.Train.Images - before);
            clock.Restart();
            try
            {
                var mistakes = RankedImages.Mistakes(RunEvents.Mistakes);

                // One of several ranks that stops here would leave the others waiting: they agree on it afterwards.
                var validation = Validate([mistakes], observer is null ? null : new ObservedValidation(observer), _ranks is null ? cancel : CancellationToken.None);
                var report = EndEpoch(validation, mistakes, trainingTime, images, clock.Elapsed, budget);
                observer?.EpochEnded(report);
            }
            catch (OperationCanceledException)
            {
                return Stop();
            }
        }

        _events?.Complete();
        return Finish(cancel);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _isDisposed = true;
        while (_owned.TryPop(out var owned))
            owned.Dispose();
    }

    /// <summary>Refuses a network that can't be trained before anything is done for it.</summary>
    private static void RequireTrainable(string what, Network network)
    {
        try
        {
            ExecutionPlan.Of(network, PlanKind.Training);
        }
        catch (NotSupportedException e)
        {
            throw new RiffleException($"{what}: {e.Message}", e);
        }
    }

    private T Live<T>(T value)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return value;
    }

    /// <summary>Runs the steps to the end of the epoch; false if cancelled.</summary>
    private bool TrainEpoch(ITrainingObserver? observer, CancellationToken cancel)
    {
        var (epochs, steps, tally) = _record.Progress;
        var drops = PlateauDrops();
        var sinceCheckpoint = Stopwatch.StartNew();
        var seen = _softLabels?.SeenIn(epochs);
        if (seen is { } view)
            _softLabels!.Load(view.Epoch);
        _loader.StartEpoch(epochs, steps, seen);
        while (_loader.TryNext(out var batch))
        {
            var global = (long)epochs * _loader.BatchesPerEpoch + steps;
            var rate = _recipe.Schedule.At(global, _loader.BatchesPerEpoch, _recipe.Epochs, drops);
            var distillation = _softLabels is null ? default : new DistillationTargets(
                _softLabels.Of(batch, _taught),
                (float)_recipe.Distillation.Weight,
                (float)_recipe.Distillation.TemperatureAt(global / ((double)_loader.BatchesPerEpoch * _recipe.Epochs)));
            _plan.AsksToStop = cancel.IsCancellationRequested;
            var result = _plan.Step(batch.Pixels, batch.Labels, _normalisation, (float)_recipe.LabelSmoothing, distillation);
            if (!double.IsFinite(result.Loss))
                throw Diverged($"the loss became {result.Loss}", steps + 1, rate, FirstNonFinite(result.Loss));

            // Of the weights that the loss was computed with.
            var cost = result.Loss + _optimiser.Penalty(_weights.Trained);
            _optimiser.Apply(_weights.Trained, _plan.Gradients, rate, global);
            tally = tally.Plus(result, _batch);
            steps++;
            if (global + 1 == TrainingRecord.EarlySteps)
                _record = _record with { Early = ToCheckpoint().Fingerprint() };
            _events?.Step(global + 1, result.Loss, cost, (double)result.Top1 / _batch);
            observer?.Stepped(new(epochs + 1, _recipe.Epochs, steps, _loader.BatchesPerEpoch, _plan.Batch, rate, tally));

            var stop = _ranks is null ? cancel.IsCancellationRequested : _plan.IsStopAgreed;
            if (!stop && sinceCheckpoint.Elapsed < CheckpointInterval)
                continue;
            _record = _record with { Progress = new(epochs, steps, tally) };
            if (stop)
                return false;
            SaveLast(rate);
            sinceCheckpoint.Restart();
        }

        if (steps != _loader.BatchesPerEpoch)
        {
            throw new BadDataException(
                $"{DataDirectory}: an epoch ended after {steps} of {_loader.BatchesPerEpoch} steps, so dataset.json does not match the records; prepare it again");
        }

        _record = _record with { Progress = new(epochs, steps, tally) };
        return true;
    }

    private Metrics Validate(RankedImages[] ranked, IProgress<WorkProgress>? progress, CancellationToken cancel)
    {
        var confusions = _balance is not null ? new ConfusionMatrix(_classes.Length) : null;
        var metrics = default(Metrics);
        Balanced(() => metrics = _evaluator.Run(confusions, calibration: null, ranked, progress, cancel));
        return metrics! with { Balanced = confusions?.BalancedAccuracy };
    }

    /// <summary>Does something with the weights that the run is about: those of training or, if the recipe says so, balanced ones.</summary>
    private void Balanced(Action work)
    {
        if (_balance is null)
            work();
        else
            _balance.Apply(work);
    }

    /// <summary>Writes the files of an epoch, the last checkpoint at the end: after a crash before that, steps are repeated and the same files result.</summary>
    private EpochReport EndEpoch(
        Metrics validation, RankedImages mistakes, TimeSpan trainingTime, long trainingImages, TimeSpan validationTime, TimeBudget? budget)
    {
        var progress = _record.Progress;
        var rate = _recipe.Schedule.At(
            ((long)progress.Epochs + 1) * _loader.BatchesPerEpoch - 1, _loader.BatchesPerEpoch, _recipe.Epochs, PlateauDrops());
        if (!double.IsFinite(validation.Loss))
            throw Diverged($"the validation loss became {validation.Loss}", progress.Steps, rate, NonFinite.FirstWeight(_weights) ?? _evaluator.NonFinite);
        RequireFinite(rate);
        _folder?.RequireInPlace();

        var metrics = new EpochMetrics(progress.Epochs + 1, rate, progress.Train.Mean(), validation) { L2 = _optimiser.Penalty(_weights.Trained) };
        var isBest = _record.Best is not { } best || TrainingRecord.Rank(validation).CompareTo(TrainingRecord.Rank(best.Validation)) > 0;
        _record = _record with { Progress = new(metrics.Epoch, 0, default), History = _record.History.Add(metrics) };
        var report = new EpochReport(metrics, isBest, trainingTime, trainingImages, validationTime)
        {
            ShortenedTo = _record.IsFinished || budget is null ? null : Shorten(metrics.Epoch, budget.EndEpoch(_recipe.Epochs - metrics.Epoch)),
        };
        if (_folder is not null)
        {
            if (isBest)
                SaveBest(metrics.Epoch);
            _events!.Epoch(report, _weights, mistakes.Kept);
            _folder.WriteMetrics(_record.History);
            ToCheckpoint(_optimiser.State).Save(_folder.Last);
        }

        return report;
    }

    /// <summary>Plans no more epochs than there is time for; null if that is as before.</summary>
    private int? Shorten(int done, int left)
    {
        if (done + left == _recipe.Epochs)
            return null;
        var planned = _record.PlannedEpochs ?? _recipe.Epochs;
        _recipe = _recipe with { Epochs = done + left };
        _record = _record with { Recipe = _recipe, PlannedEpochs = planned };
        return _recipe.Epochs;
    }

    /// <summary>
    /// Fits the new classifier to the features of the training images. This network is the first that may be the best. If all layers are to be trained, the running
    /// statistics of batch norm then become those of the data set, as they would in the first steps, and the classifier is fitted to what the features are with these.
    /// </summary>
    private void FitClassifier(Dataset data, int threads, IProgress<WorkProgress>? progress, CancellationToken cancel)
    {
        Metrics Fit()
        {
            // Rank 0 alone reads all images for it.
            if (_ranks is { IsFirst: false })
                return Agreement.FromFirst(_ranks, _weights, null);
            var features = FeatureTable.Of(ToCheckpoint(), data, [Split.Train], threads, progress: progress, cancel: cancel);
            var (decay, measured) = ClassifierFit.CrossValidate(features, _spec.Classes, threads, progress, cancel);
            ClassifierFit.Apply(_weights, features, decay, threads, cancel);
            return _ranks is null ? measured : Agreement.FromFirst(_ranks, _weights, measured);
        }

        var measured = Fit();
        _record = _record with { Fitted = new(0, 0, measured, Validate([], progress: null, cancel)) { L2 = _optimiser.Penalty(_weights.Trained) } };
        if (_folder is not null)
            SaveBest(epoch: 0);
        if (_recipe.FreezeFeatures)
            return;
        AdaptStatistics(cancel);
        Fit();
    }

    /// <summary>Steps without an update of the weights.</summary>
    private void AdaptStatistics(CancellationToken cancel)
    {
        // Batch norm keeps nine tenths of its statistics in each step: less than a thousandth of the old ones is left.
        const int Steps = 66;
        var steps = 0;
        for (var epoch = 0; steps < Steps; epoch++)
        {
            _loader.StartEpoch(epoch);
            for (; steps < Steps && _loader.TryNext(out var batch); steps++)
            {
                cancel.ThrowIfCancellationRequested();
                _plan.Step(batch.Pixels, batch.Labels, _normalisation);
            }
        }
    }

    private Trainer Begin(int threads)
    {
        try
        {
            if (_folder is null)
                return this;

            // Also on a resume, because files that a crash left may be older or newer than the checkpoint.
            Describe(threads);
            _folder.WriteMetrics(_record.History);
            if (_record.Progress == Progress.None)
                ToCheckpoint(_optimiser.State).Save(_folder.Last);

            // After the first checkpoint, because a folder without one counts as not started.
            _events!.GoOn(_record, (long)_record.Progress.Epochs * _loader.BatchesPerEpoch + _record.Progress.Steps);
            return this;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private TrainingOutcome Finish(CancellationToken cancel)
    {
        if (_folder is not null)
        {
            // Of several ranks the first needs all images for it.
            using var whole = _ranks is null ? null : _createEvaluator(null, null, cancel);
            FinalDoubt.Fit(_folder, whole ?? _evaluator, _weights, cancel);
        }

        return Outcome(completed: true);
    }

    private void Describe(int threads) => _folder?.Write(RunDescription.Of(DataDirectory, _softLabelsFolder, _record, _spec, threads));

    private TrainingOutcome Stop()
    {
        SaveLast(LearningRate());
        return Outcome(completed: false);
    }

    private TrainingOutcome Outcome(bool completed) => new(completed, _record, _record.Best is null ? null : RunFolder.BestOf(_run));

    private bool IsStopWanted(CancellationToken cancel) => _ranks?.Any(cancel.IsCancellationRequested) ?? cancel.IsCancellationRequested;

    private void SaveLast(double rate)
    {
        RequireFinite(rate);
        if (_folder is null)
            return;
        _folder.RequireInPlace();
        _events!.Flush();
        ToCheckpoint(_optimiser.State).Save(_folder.Last);
    }

    private void SaveBest(int epoch) => Balanced(() => ToCheckpoint().With(_record with { TakenAfter = epoch }).Save(_folder!.Best));

    private Checkpoint ToCheckpoint(IReadOnlyList<(string Name, float[] Values)>? optimiserState = null) =>
        new(_spec, _weights, _classes, _normalisation, _record) { OptimiserState = optimiserState ?? [] };

    private TrainingPlace Place(double rate)
    {
        var (epochs, steps, tally) = _record.Progress;
        return new(epochs + 1, _recipe.Epochs, steps, _loader.BatchesPerEpoch, _plan.Batch, rate, tally);
    }

    private double LearningRate() => _recipe.Schedule.At(
        (long)_record.Progress.Epochs * _loader.BatchesPerEpoch + _record.Progress.Steps, _loader.BatchesPerEpoch, _recipe.Epochs, PlateauDrops());

    private int PlateauDrops() => _recipe.Schedule.PlateauDrops(_record.Accuracies);

    /// <summary>Keeps NaN and infinity out of checkpoints. The loss is computed before the update, so it does not reveal what the update does to the weights.</summary>
    private void RequireFinite(double rate)
    {
        var state = _optimiser.State.Select(state => NonFinite.FirstOf(_weights, state.Values, $"the optimiser's {state.Name} of"));
        var spoilt = NonFinite.FirstWeight(_weights) ?? state.FirstOrDefault(found => found is not null);
        if (spoilt is null)
            return;

        // In the order of a step: activations and their statistics, gradients, then the weights that they change.
        var first = _plan.FirstNonFiniteActivation() ?? NonFinite.FirstOf(_weights, _plan.Gradients, "the gradient with respect to") ?? spoilt;
        throw Diverged("a weight or its optimiser state became NaN or infinite", _record.Progress.Steps, rate, first);
    }

    /// <summary>The cause of the last step's loss: weights from the step before, an activation, or otherwise the loss itself.</summary>
    private NonFinite FirstNonFinite(double loss) => NonFinite.FirstOf(_weights, _weights.Trained, "its")
        ?? _plan.FirstNonFiniteActivation()
        ?? new(_weights.Network.Layers[^1], "the loss of its output", (float)loss);

    private RiffleException Diverged(string what, int step, double rate, NonFinite? first) => new(
        $"{what} in epoch {_record.Progress.Epochs + 1}, step {step}, at learning rate {rate:G6}. "
        + (first is null ? "" : $"The first affected layer is {first.Layer.Name}: {first.What} contains {first.Value}. ")
        + $"Earlier weights are in {RunFolder.LastOf(_run)}. A lower learning rate, a longer warm-up or a smaller weight decay may prevent it.")
    {
        CommandLineAdvice = "Start again with a lower --learning-rate, a longer --warm-up or a smaller --weight-decay.",
    };

    private static (SoftLabels Labels, string Folder)? FindSoftLabels(string run, TrainingRecord training, string? given, Func<string> ownFolder)
    {
        if (training.SoftLabels is not { } own)
            return given is null ? null : throw new AdvisedArgumentException($"{run}: the run was started without soft labels.") { CommandLineAdvice = "Remove --soft-labels." };
        var place = given ?? ownFolder();
        var labels = SoftLabels.Open(place);
        return labels.Identity.Fingerprint == own.Fingerprint
            ? (labels, place)
            : throw new RiffleException($"{place}: these are not the soft labels of the run (their fingerprint is {labels.Identity.Fingerprint}, that of the run "
                + $"{own.Fingerprint}).")
            {
                CommandLineAdvice = "Give the right folder with --soft-labels.",
            };
    }

    private sealed class ObservedValidation(ITrainingObserver observer) : IProgress<WorkProgress>
    {
        public void Report(WorkProgress value) => observer.Validated((int)value.Done, (int)value.Total);
    }
}
