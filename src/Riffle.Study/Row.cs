using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Riffle.Models;
using Riffle.Networks;

namespace Riffle.Study;

/// <summary>A network of the study, and what the folder contains for it.</summary>
/// <param name="Model">Its name.</param>
/// <param name="Published">The study's figures.</param>
/// <param name="Cost">Our count for the study's network, of 200 classes.</param>
/// <param name="Latency">The latency of one image; null if not measured.</param>
/// <param name="Run">Its training; null if there is none.</param>
internal sealed record Row(string Model, StudyFigure Published, NetworkComplexity Cost, Latency? Latency, Run? Run)
{
    /// <summary>The training of the same network in the reproduction that is shown beside this one; null if there is none.</summary>
    public Run? Beside { get; init; }

    /// <summary>The name without its scale.</summary>
    public string Family => Model[..Model.LastIndexOf('-')];

    /// <summary>The scale in the name, for example <c>x0.5</c>.</summary>
    public string Scale => Model[(Model.LastIndexOf('-') + 1)..];

    /// <summary>Whether it is a ShuffleNet v1, with any number of groups.</summary>
    public bool IsV1 => Model.StartsWith("shufflenet-v1-", StringComparison.Ordinal);

    /// <summary>Top-1 of the last epoch in percent; null if it is not trained to its end.</summary>
    public double? Top1 => Finished?.Last?.Validation.Top1;

    /// <summary>The study's number of operations divided by our count.</summary>
    public double Ratio => Published.MegaFlops * 1e6 / Cost.Macs;

    /// <summary>The run if all of its epochs have ended, otherwise null.</summary>
    public Run? Finished => Run is { IsDone: true } run ? run : null;
}

/// <summary>A training in the folder.</summary>
/// <param name="Folder">Its run folder.</param>
/// <param name="Network">The network.</param>
/// <param name="Training">Its settings and progress.</param>
/// <param name="Notes">Notes that the run folder itself does not contain.</param>
internal sealed record Run(string Folder, NetworkSpec Network, TrainingRecord Training, RunNotes Notes)
{
    public bool IsDone => Training.IsFinished;

    /// <summary>How many epochs it has in the end: those planned, or fewer if it ended early.</summary>
    public int Epochs => IsDone ? Training.Progress.Epochs : Training.Recipe.Epochs;

    /// <summary>The metrics of the weights that are kept.</summary>
    public EpochMetrics? Measured => Training.Measured;

    public EpochMetrics? Best => Training.Best;

    public EpochMetrics? Last => Training.History.LastOrDefault();

    /// <summary>The classes that these weights confuse most; null if not computed yet.</summary>
    public Confused? Confused => Notes.Confused is { } confused && confused.Epoch == Measured?.Epoch ? confused : null;
}

/// <summary>Notes about a run, written beside it.</summary>
/// <param name="Sessions">The processes that trained it, in order.</param>
/// <param name="Confused">The classes that its weights confuse; null if not computed yet.</param>
/// <param name="Before">The notes beside its first weights; null if there were none.</param>
/// <param name="Spread">How its accuracy changes with the seed; null if that is not measured.</param>
internal sealed record RunNotes(
    ImmutableArray<Session> Sessions, Confused? Confused,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] RunNotes? Before = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] SeedSpread? Spread = null)
{
    /// <summary>The duration of all sessions together.</summary>
    [JsonIgnore]
    public TimeSpan Time => TimeSpan.FromSeconds(Sessions.Sum(session => session.Seconds));

    public static RunNotes None { get; } = new([], null);
}

/// <summary>A process that started or continued a run.</summary>
/// <param name="Machine">The machine.</param>
/// <param name="Riffle">Version of Riffle.</param>
/// <param name="Threads">Threads that computed.</param>
/// <param name="Seconds">Its duration, up to its last epoch or its cancellation.</param>
internal sealed record Session(string Machine, string Riffle, int Threads, double Seconds);

/// <summary>The accuracies of trainings that differ only in their seed.</summary>
/// <param name="Top1">Top-1 of the last epoch of each, in percent; at least two.</param>
internal sealed record SeedSpread(ImmutableArray<double> Top1)
{
    /// <summary>The row that is trained with several seeds, and their number.</summary>
    public const string Model = "shufflenet-v1-g3-x0.25";

    /// <inheritdoc cref="Model"/>
    public const int Seeds = 5;

    /// <summary>Their standard deviation, in points.</summary>
    [JsonIgnore]
    public double Deviation => Math.Sqrt(Top1.Sum(top1 => Math.Pow(top1 - Top1.Average(), 2)) / (Top1.Length - 1));
}

/// <summary>The classes that the weights of an epoch confuse.</summary>
/// <param name="Epoch">The epoch.</param>
/// <param name="Top1">Top-1 from the same evaluation, in percent.</param>
/// <param name="Pairs">The most confused pairs, the worst first.</param>
internal sealed record Confused(int Epoch, double Top1, ImmutableArray<ConfusedPair> Pairs);

/// <summary>Two classes, in words, and how many images of each were taken for the other.</summary>
internal sealed record ConfusedPair(string First, string Second, int FirstAsSecond, int SecondAsFirst);

/// <summary>The latency of one image on one thread.</summary>
/// <param name="Machine">The machine.</param>
/// <param name="Riffle">Version of Riffle.</param>
/// <param name="MedianMs">In milliseconds.</param>
/// <param name="P95Ms">In milliseconds.</param>
internal sealed record Latency(string Machine, string Riffle, double MedianMs, double P95Ms);
