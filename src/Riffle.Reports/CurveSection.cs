using System.Collections.Immutable;
using Riffle.Evaluation;
using Riffle.Models;
using Riffle.Reports.Documents;

namespace Riffle.Reports;

/// <summary>How a network learnt.</summary>
internal static class CurveSection
{
    /// <summary>Top-1, loss and learning rate by epoch; null without a history.</summary>
    public static Section? Of(TrainingRecord? training) => training is null or { History.IsEmpty: true } ? null : new(
        "curves", "How it learnt",
        [
            new Paragraph(
                "After each epoch. Training images are augmented, and counted while the weights change, so that their curves may lie below those of validation images."
                + (training.Recipe.LabelSmoothing > 0 ? " Label smoothing adds to the training loss." : "")),
            new PicturesBlock(
            [
                Both(training, "Top-1", "%", metrics => metrics.Top1),
                Both(training, "Loss", "cross-entropy", metrics => metrics.Loss),
                Chart(training, "Learning rate", "thousandths, at the epoch's end", [Line("learning rate", 2, training, epoch => 1000 * epoch.LearningRate)]),
            ]),
        ]);

    private static Chart Both(TrainingRecord training, string title, string unit, Func<Metrics, double> value) => Chart(training, title, unit,
    [
        Line("training", 1, training, epoch => value(epoch.Train)),
        Line("validation", 0, training, epoch => value(epoch.Validation)),
    ]);

    private static Chart Chart(TrainingRecord training, string title, string unit, ImmutableArray<Series> series)
    {
        // From 0 only where the values go near it: the last points of top-1 are those that count.
        var values = series.SelectMany(line => line.Points).Select(point => point.Y).ToArray();
        return new(title, Axis.Linear("epoch", [0, training.Recipe.Epochs]), Axis.Linear(unit, values.Min() < 0.5 * values.Max() ? [0, .. values] : values), series);
    }

    private static Series Line(string name, int colour, TrainingRecord training, Func<EpochMetrics, double> value) =>
        new(name, colour, IsPublished: false, HasMarks: training.History.Length <= 12, [.. training.History.Select(epoch => new Point(epoch.Epoch, value(epoch)))]);
}
