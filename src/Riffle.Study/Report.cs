using System.Collections.Immutable;
using Riffle.Data;
using Riffle.Reports.Documents;

namespace Riffle.Study;

/// <summary>What the folder of a reproduction holds, as a report.</summary>
internal static class Report
{
    /// <summary>Tiny ImageNet, which the study trained on.</summary>
    private const int Classes = 200, TrainingImages = 100_000, ValidationImages = 10_000;

    /// <summary>The report.</summary>
    /// <param name="settings">The requested settings.</param>
    /// <param name="data">What was trained on.</param>
    /// <param name="rows">All networks of the study, in its order.</param>
    public static Document Of(Settings settings, Dataset data, ImmutableArray<Row> rows) => new(
        "The ShuffleNet study, reproduced",
        [.. Lead(settings, data, rows)],
        [
            .. FigureSections.All,
            .. StudyFigures.Tables.Select(table => Of(table, rows)),
            StatementsSection.Of(rows),
            ResultSections.AccuracyByCost(rows),
            RunSections.Curves(rows),
            RunSections.Confusions(rows, data),
            OriginSection.Of(settings, data, rows),
        ]);

    /// <summary>Whether a data set has the classes and images of Tiny ImageNet, as far as counts tell.</summary>
    public static bool IsTheStudysData(int classes, int training, int validation) =>
        (classes, training, validation) == (Classes, TrainingImages, ValidationImages);

    private static Section Of(StudyTable table, ImmutableArray<Row> rows) => table.Kind switch
    {
        StudyTableKind.Architecture => ArchitectureSection.Of(table),
        StudyTableKind.Complexity => ComplexitySection.Of(table, rows),
        _ => ResultSections.Table(table, rows),
    };

    private static IEnumerable<DocumentBlock> Lead(Settings settings, Dataset data, ImmutableArray<Row> rows)
    {
        yield return new Paragraph(
            "Tables 1 to 5 of a study of ShuffleNet on Tiny ImageNet, each figure as the study printed it beside what Riffle counted, trained and measured. "
            + "Top-1 is accuracy on the validation images in percent, after the last epoch. The study reports the highest of all epochs, which are then chosen by "
            + "the same images; ours stands beside it.");
        yield return new Paragraph(Standing(rows));
        if (settings.Beside is { } beside && ResultSections.BesideTitle(rows) is { } title)
            yield return new Paragraph($"“{title}” is that of the last epoch in another reproduction, {beside}.");
        yield return new CommandBlock(settings.Command);
        var (classes, train, validation) = (data.Info.Classes.Length, data.Count(Split.Train), data.Count(Split.Validation));
        yield return new Paragraph(
            $"Data set: {train:N0} training and {validation:N0} validation images in {classes:N0} classes, fingerprint {data.Info.Fingerprint[..16]}."
            + (IsTheStudysData(classes, train, validation)
                ? ""
                : " That is not Tiny ImageNet as the study used it: its accuracies stand here for orientation only."));
    }

    private static string Standing(ImmutableArray<Row> rows)
    {
        var points = rows.Where(row => row.Top1 is not null).Select(row => row.Top1!.Value - row.Published.Top1).ToArray();
        var trained = $"{points.Length} of {rows.Length} networks are trained.";
        if (points.Length == 0)
            return trained;
        var (least, most) = (points.Min(), points.Max());
        return least > 0
            ? $"{trained} Their top-1 is {Cell.Percent(least)} to {Cell.Percent(most)} points above the study's."
            : $"{trained} Their top-1 differs from the study's by {Cell.Difference(least)} to {Cell.Difference(most)} points; {points.Count(difference => difference > 0)} are above it.";
    }
}
