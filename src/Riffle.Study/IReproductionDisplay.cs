using Riffle.Distillation;
using Riffle.Training;

namespace Riffle.Study;

/// <summary>Shows a reproduction to a person.</summary>
internal interface IReproductionDisplay
{
    /// <summary>Some networks are about to be measured, one after another.</summary>
    /// <param name="what">What is measured of them.</param>
    /// <param name="networks">How many they are.</param>
    /// <returns>Told how many are done; disposed of after the last.</returns>
    IProgressLine Measuring(string what, int networks);

    /// <summary>The vectors that are used have another width than those of a reproduction, so the weights will be others, bit for bit.</summary>
    void HasOtherBits(int bits);

    /// <summary>What is left to do has been measured.</summary>
    /// <param name="models">All requested networks, including those that are already trained.</param>
    /// <param name="left">What is left, in its order; empty where nothing is.</param>
    void Planned(IReadOnlyList<string> models, IReadOnlyList<Stage> left);

    /// <summary>A stage begins.</summary>
    /// <param name="stages">All of them.</param>
    /// <param name="index">Which one.</param>
    /// <param name="own">How long it is expected to take.</param>
    /// <param name="all">How long all that is left is expected to take, this stage among it.</param>
    void Began(IReadOnlyList<Stage> stages, int index, TimeSpan own, TimeSpan all);

    /// <summary>A stage failed; the others go on.</summary>
    void Failed(Stage stage, RiffleException reason);

    /// <summary>Opens a training while the decoding of its images is shown.</summary>
    /// <param name="open">Opens it; told how many images are decoded.</param>
    Trainer Open(Func<IProgress<WorkProgress>, Trainer> open);

    /// <summary>Runs a training while it is shown.</summary>
    /// <param name="trainer">The training.</param>
    /// <param name="observer">A further observer.</param>
    /// <param name="cancel">Stops the training after the current step.</param>
    TrainingOutcome Train(Trainer trainer, ITrainingObserver observer, CancellationToken cancel);

    /// <summary>Makes soft labels while that is shown.</summary>
    /// <param name="teach">Makes them.</param>
    /// <returns>The labels; null when it was asked to stop.</returns>
    SoftLabels? Teach(Func<IProgress<WorkProgress>, SoftLabels> teach);
}

/// <summary>How far a task is.</summary>
internal interface IProgressLine : IDisposable
{
    /// <summary>Says how many are done.</summary>
    /// <param name="done">How many.</param>
    /// <param name="note">More to show.</param>
    void Report(long done, string? note = null);
}
