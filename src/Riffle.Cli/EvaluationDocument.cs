using System.Text.Json.Serialization;
using Riffle.Data;
using Riffle.Evaluation;

namespace Riffle.Cli;

/// <summary>An evaluation as <c>--json</c> prints it: accuracies, precision, recall and F1 in percent. The matrix has as many numbers as classes squared, so it is there only if asked for.</summary>
internal sealed record EvaluationDocument(
    string Model, string Split, int Images, double Top1, double Top5, double Loss, double[] Top1Interval, double BalancedAccuracy, double CalibrationError,
    double? CalibratedError, double? KeptPercent, double? Temperature,
    EvaluationDocument.OfClass[] Classes, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int[][]? Confusions)
{
    public static EvaluationDocument Of(EvaluationResult result, Model model, ConfusionMatrix confusions, Calibration calibration, DoubtFit doubt, bool withMatrix)
    {
        var (calibrated, kept) = doubt.Check();
        var interval = IntervalOf(confusions);
        var all = Enumerable.Range(0, confusions.Classes);
        return new(
            result.Model, result.Split.Prefix(), result.Images, result.Top1, result.Top5, result.Loss, [interval.Low, interval.High], confusions.BalancedAccuracy, calibration.Error,
            calibrated, 100 * kept, model.Doubt?.Temperature,
            [.. all.Select(label => OfClass.Of(model.Classes[label].Name, confusions.Of(label)))],
            withMatrix ? [.. all.Select(label => all.Select(predicted => confusions[label, predicted]).ToArray())] : null);
    }

    /// <summary>The interval of top-1.</summary>
    public static Interval IntervalOf(ConfusionMatrix confusions)
    {
        var (right, images) = confusions.Total;
        return Interval.Of(right, images);
    }

    internal sealed record OfClass(string Name, int Images, double? Recall, double? Precision, double? F1)
    {
        public static OfClass Of(string name, ClassMetrics metrics) => new(name, metrics.Images, metrics.Recall, metrics.Precision, metrics.F1);
    }
}
