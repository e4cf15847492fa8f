using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Riffle.Models;
using Riffle.Networks;

namespace Riffle.Study;

/// <summary>A network of the study beside what the folder has of it.</summary>
/// <param name="Model">Its name.</param>
/// <param name="Published">The study's figures.</param>
/// <param name="Cost">Our count for the study's network, of 200 classes.</param>
/// <param name="Latency">What one image takes; null where it was not measured.</param>
/// <param name="Run">Its training; null where there is none.</param>
internal sealed record Row(string Model, StudyFigure Published, NetworkComplexity Cost, Latency? Latency, Run? Run)
{
    /// <summary>The name without its scale.</summary>
    public string Family => Model[..Model.LastIndexOf('-')];

    /// <summary>The study's number of operations to our count.</summary>
    public double Ratio => Published.MegaFlops * 1e6 / Cost.Macs;

    /// <summary>The run, where every epoch of it has ended.</summary>
    public Run? Finished => Run is { IsDone: true } run ? run : null;
}

/// <summary>A training in the folder.</summary>
/// <param name="Folder">Its run folder.</param>
/// <param name="Network">What is trained.</param>
/// <param name="Training">How, and how far it is.</param>
/// <param name="Notes">What the run folder itself does not tell.</param>
internal sealed record Run(string Folder, NetworkSpec Network, TrainingRecord Training, RunNotes Notes)
{
    public bool IsDone => Training.Progress.Epochs >= Training.Recipe.Epochs;

    public EpochMetrics? Best => Training.Best;

    public EpochMetrics? Last => Training.History.LastOrDefault();

    /// <summary>The most confused classes of the best epoch's weights, where they were looked for since.</summary>
    public Confused? Confused => Notes.Confused is { } confused && confused.Epoch == Best?.Epoch ? confused : null;
}

/// <summary>What is written beside a run about it.</summary>
/// <param name="Sessions">When and where it was trained, in order.</param>
/// <param name="Confused">What its best weights confuse; null until they were asked.</param>
/// <param name="Before">What was written beside the weights that it began with; null where there was nothing.</param>
internal sealed record RunNotes(
    ImmutableArray<Session> Sessions, Confused? Confused,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] RunNotes? Before = null)
{
    /// <summary>Time of all sessions.</summary>
    [JsonIgnore]
    public TimeSpan Time => TimeSpan.FromSeconds(Sessions.Sum(session => session.Seconds));

    public static RunNotes None { get; } = new([], null);
}

/// <summary>A process that trained a run, or went on with it.</summary>
/// <param name="Machine">Where.</param>
/// <param name="Riffle">Version of Riffle.</param>
/// <param name="Threads">Threads that computed.</param>
/// <param name="Seconds">How long, up to its last epoch or the moment it was asked to stop.</param>
internal sealed record Session(string Machine, string Riffle, int Threads, double Seconds);

/// <summary>What the weights of an epoch confuse.</summary>
/// <param name="Epoch">The epoch.</param>
/// <param name="Top1">Top-1 that was measured at the same time, in percent.</param>
/// <param name="Pairs">The classes that are confused most, the worst first.</param>
internal sealed record Confused(int Epoch, double Top1, ImmutableArray<ConfusedPair> Pairs);

/// <summary>Two classes, in words, and how many images of each were taken for the other.</summary>
internal sealed record ConfusedPair(string First, string Second, int FirstAsSecond, int SecondAsFirst);

/// <summary>What one image takes on one thread.</summary>
/// <param name="Machine">Where that was measured.</param>
/// <param name="Riffle">Version of Riffle.</param>
/// <param name="MedianMs">In milliseconds.</param>
/// <param name="P95Ms">In milliseconds.</param>
internal sealed record Latency(string Machine, string Riffle, double MedianMs, double P95Ms);
