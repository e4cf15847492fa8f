using System.Globalization;
using Riffle.Data;
using Riffle.Models;
using Riffle.Training;

namespace Riffle.Cli;

/// <summary>Runs a training and shows it on standard error.</summary>
internal static class TrainingSession
{
    /// <summary>Opens a run, and shows how many images are decoded.</summary>
    public static Trainer Open(Func<IProgress<WorkProgress>, Trainer> open)
    {
        using var progress = new StageProgress();
        return open(progress);
    }

    /// <summary>Trains to the end, or until it is cancelled.</summary>
    /// <param name="trainer">The run.</param>
    /// <param name="cancel">Stops the training after the current step.</param>
    /// <param name="observer">A further observer.</param>
    public static TrainingOutcome Run(Trainer trainer, CancellationToken cancel, ITrainingObserver? observer = null)
    {
        var (recipe, identity, progress) = (trainer.Training.Recipe, trainer.Training.Data, trainer.Training.Progress);
        Console.Error.WriteLine($"{trainer.Network.Name}, {trainer.Network.ImageSize}×{trainer.Network.ImageSize}, {trainer.Network.Classes} classes; "
            + $"{identity.Train:N0} training and {identity.Validation:N0} validation images; "
            + $"recipe {recipe.Name}, {recipe.Epochs} epoch{(recipe.Epochs == 1 ? "" : "s")}"
            + (recipe.Fit == FitKind.Crop ? "" : $"; images become squares by {recipe.Fit.Name()}")
            + (trainer.Training.SoftLabels is { } labels ? $"; soft labels {labels.Fingerprint}" : "")
            + (progress == Progress.None ? "" : $"; continuing in epoch {Math.Min(progress.Epochs + 1, recipe.Epochs)} after step {progress.Steps}"));
        if (trainer.Training is { Fitted: { } fitted, Progress: var done } && done == Progress.None)
        {
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"new classifier, fitted to the features as they are: top-1 {fitted.Train.Top1:0.00} % on training images (cross-validated), {fitted.Validation.Top1:0.00} % on validation images"));
        }

        var display = new TrainingDisplay(trainer.Network.Classes);
        try
        {
            return trainer.Run(observer is null ? display : new Both(display, observer), cancel);
        }
        finally
        {
            display.Clear();
        }
    }

    private sealed class Both(ITrainingObserver first, ITrainingObserver second) : ITrainingObserver
    {
        public void Started(TrainingPlace place)
        {
            first.Started(place);
            second.Started(place);
        }

        public void Stepped(in TrainingPlace place)
        {
            first.Stepped(place);
            second.Stepped(place);
        }

        public void Validated(int images, int total)
        {
            first.Validated(images, total);
            second.Validated(images, total);
        }

        public void EpochEnded(EpochReport report)
        {
            first.EpochEnded(report);
            second.EpochEnded(report);
        }
    }
}
