using System.Globalization;

namespace Riffle.Study;

/// <summary>Figures as the tables show them.</summary>
internal static class Cell
{
    /// <summary>As few decimals as the study prints.</summary>
    public static string Number(double value) => Format(value, "#,0.##");

    public static string Percent(double value) => Format(value, "0.00");

    public static string Milliseconds(double value) => Format(value, "0.000");

    public static string Millions(long value) => Format(value / 1e6, "0.00");

    /// <summary>A whole number, with its thousands set apart.</summary>
    public static string Count(long value) => Format(value, "#,0");

    public static string Ratio(double value) => Format(value, "0.00");

    /// <summary>The top-1 of a network's last epoch, or how far it is from having one.</summary>
    public static string Top1(Row row) => row switch
    {
        { Top1: { } top1 } => Percent(top1),
        { Run: { } run } => string.Create(CultureInfo.InvariantCulture, $"in epoch {run.Training.Progress.Epochs + 1} of {run.Training.Recipe.Epochs}"),
        _ => "not trained yet",
    };

    /// <summary>What that is above the study's, in points.</summary>
    public static string Difference(Row row) => row.Top1 is { } top1 ? Difference(top1 - row.Published.Top1) : "";

    public static string Difference(double points) => Format(points, "+0.00;−0.00;0.00");

    private static string Format(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
