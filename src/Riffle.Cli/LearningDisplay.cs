using System.Globalization;
using Riffle.Learning;

namespace Riffle.Cli;

/// <summary>Shows what <c>riffle learn</c> finds between its commands.</summary>
/// <param name="from">The run that learns more; null: none.</param>
/// <param name="suggestsStart">Whether to name weights on this machine that it could start from.</param>
internal sealed class LearningDisplay(string? from, bool suggestsStart) : ILearningObserver
{
    public LearningPlan Compare(Func<IProgress<WorkProgress>, LearningPlan> compare)
    {
        Console.WriteLine("\nComparing what to start from, by a classifier on the features as they are, cross-validated on training images");
        LearningPlan plan;
        using (var progress = new StageProgress())
            plan = compare(progress);
        var table = new TextTable("Start", ">Size", ">Top-1, %", ">Loss", ">An epoch takes", "");
        foreach (var candidate in plan.Candidates)
        {
            table.Add(
                candidate.Start.Path, candidate.ImageSize.ToString(CultureInfo.InvariantCulture), Percent(candidate.Measured.Top1),
                candidate.Measured.Loss.ToString("0.000", CultureInfo.InvariantCulture), DurationText.Of(candidate.Epoch), candidate == plan.Chosen ? "chosen" : "");
        }

        table.Write(Console.Out);
        if (suggestsStart && TorchHub.Files is [var file, ..])
            Console.WriteLine($"There are weights of ImageNet on this machine, which may be better: --start {ShellWord.Path(file)}");
        Console.WriteLine($"The lowest loss that there is time for. Time for {plan.Recipe.Epochs} epoch{(plan.Recipe.Epochs == 1 ? "" : "s")}.");
        return plan;
    }

    public void CrossValidating(int validation) =>
        Console.WriteLine($"\nOnly {validation:N0} images for validation, and time left: cross-validating with the other {CrossValidation.Folds - 1} fifths");

    public void CrossValidated(CrossValidation found) => Console.WriteLine($"""

        Five networks, each judged on the fifth of the images that it was not trained on: {found.Right:N0} of {found.Images:N0} are right, {Percent(found.Top1)} %.
        With 95 % confidence, top-1 is between {Percent(found.Interval.Low)} and {Percent(found.Interval.High)} % on such images.
        """);

    public void Compared(int images, double before, double now) =>
        Console.WriteLine($"\nOf the {images:N0} validation images of {from}, {Percent(before)} % were right before, and {Percent(now)} % are now.");

    private static string Percent(double share) => share.ToString("0.0", CultureInfo.InvariantCulture);
}
