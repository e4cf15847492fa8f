using System.Collections.Immutable;
using Riffle.Reports.Documents;

namespace Riffle.Study;

/// <summary>The study's conclusions, each judged by our figures. Every number is worked out from the rows.</summary>
internal sealed class StatementsSection
{
    /// <summary>The share of variance from which on accuracy is said to follow the logarithm of complexity.</summary>
    private const double LeastRSquared = 0.9;

    /// <summary>Two figures differ if they are further apart than so many standard deviations of their difference.</summary>
    private const double Deviations = 2;

    private const string V1 = "shufflenet-v1-g3", V2 = "shufflenet-v2", MobileNet = "mobilenet-v1", NotJudged = "not judged: not all rows are trained";

    private readonly ImmutableArray<Row> _rows;
    private readonly double? _noise;

    private StatementsSection(ImmutableArray<Row> rows)
    {
        _rows = rows;
        ImmutableArray<SeedSpread> spreads = [.. rows.Select(row => row.Run?.Notes.Spread).OfType<SeedSpread>()];
        if (!spreads.IsEmpty)
            _noise = Deviations * Math.Sqrt(2 * spreads.Average(spread => Math.Pow(spread.Deviation, 2)));
    }

    public static Section Of(ImmutableArray<Row> rows)
    {
        var section = new StatementsSection(rows);
        return new(
            "statements",
            "What the study concludes",
            [
                new Paragraph(
                    "Each conclusion of the study, judged by the figures of this report: top-1 is that of the last epoch, which is not chosen on the "
                    + "validation images, and complexity is our count of multiply-adds. " + section.Spread()),
                .. section.Statements().Select(statement => new Paragraph(statement)),
            ]);
    }

    private string Spread() => _noise is { } noise
        ? $"By trainings that differ only in their seed, two figures closer than {Cell.Percent(noise)} points ({Deviations} standard deviations of a "
            + "difference) are taken as equal."
        : "How much figures change with the seed is not measured here, so small differences mean little.";

    private IEnumerable<string> Statements()
    {
        yield return HalfTheOperations();
        yield return Groups();
        yield return Logarithm();
        yield return SecondVersion();
    }

    /// <summary>Table 2.</summary>
    private string HalfTheOperations()
    {
        const string Statement = "ShuffleNet needs half of MobileNet's operations at comparable accuracy";
        var pairs = Pairs(V1, MobileNet);
        var ratios = pairs.Select(pair => (double)pair.Row.Cost.Macs / pair.Other.Cost.Macs).ToArray();
        var study = pairs.Select(pair => pair.Row.Published.MegaFlops / pair.Other.Published.MegaFlops).ToArray();
        var half = Math.Round(study.Max(), 1);
        var costs = $"ShuffleNet with 3 groups has {Cell.Ratio(ratios.Min())} to {Cell.Ratio(ratios.Max())} of MobileNet's multiply-adds "
            + $"(by the study's numbers {Cell.Ratio(study.Min())} to {Cell.Ratio(study.Max())})";
        if (!AreTrained(pairs))
            return Judged(Statement, NotJudged, costs + ".");

        // At least as accurate is comparable too. What the study calls so is the measure, unless seeds alone make more.
        var tolerance = Tolerance(pairs);
        var holds = ratios.All(ratio => Math.Round(ratio, 1) <= half) && pairs.All(pair => Difference(pair) >= -tolerance);
        return Judged(
            Statement, Verdict(holds),
            $"{costs}, and its top-1 differs from MobileNet's by {Differences(pairs)} points (the study's: {StudyDifferences(pairs)}). Half is what rounds to at "
            + $"most {Cell.Number(half)}, and comparable what is at most {Cell.Number(tolerance)} points lower, as in the study's own figures.{NotAlike(pairs)}");
    }

    /// <summary>Table 4.</summary>
    private string Groups()
    {
        var scales = ScalesOfV1();
        var (ours, study) = (scales.Max(scale => Span(scale, row => row.Cost.Macs)), scales.Max(scale => Span(scale, row => row.Published.MegaFlops)));
        var width = scales.Zip(scales.Skip(1)).Min(pair => pair.First.Average(row => row.Cost.Macs) / pair.Second.Average(row => row.Cost.Macs));
        var spans = string.Join(", ", scales.Select(scale => $"{Cell.Ratio(Span(scale, row => row.Cost.Macs))} ({scale[0].Scale})"));
        return Judged(
            "The number of groups hardly changes complexity", Verdict(ours <= study),
            $"the most complex number of groups costs {spans} times as much as the least complex; by the study's figures, at most {Cell.Ratio(study)} times. "
            + $"The next larger scale costs at least {Cell.Ratio(width)} times as much. It holds where groups change our count no more than the study's.");
    }

    /// <summary>Tables 3 and 4.</summary>
    private string Logarithm()
    {
        const string Statement = "Accuracy grows with the logarithm of complexity";
        var rows = _rows.Where(row => row.IsV1).ToArray();
        var study = Fit.Of([.. rows.Select(row => (Math.Log2(row.Cost.Macs), row.Published.Top1))]);
        var published = $"the study's accuracies grow by {Cell.Percent(study.Slope)} points for each doubling (R² {Cell.Ratio(study.RSquared)})";
        if (rows.Any(row => row.Top1 is null))
            return Judged(Statement, NotJudged, published + ".");
        var ours = Fit.Of([.. rows.Select(row => (Math.Log2(row.Cost.Macs), row.Top1!.Value))]);
        return Judged(
            Statement, Verdict(ours.Slope > 0 && ours.RSquared >= LeastRSquared),
            $"over the {rows.Length} networks of ShuffleNet v1, top-1 grows by {Cell.Percent(ours.Slope)} points for each doubling of multiply-adds "
            + $"(R² {Cell.Ratio(ours.RSquared)}; it holds from {Cell.Ratio(LeastRSquared)} on); {published}.{NotAlike(rows)}");
    }

    /// <summary>Tables 2 and 5.</summary>
    private string SecondVersion()
    {
        const string Statement = "ShuffleNet v2 and MobileNet are comparable";
        var pairs = Pairs(V2, MobileNet);
        var ratios = pairs.Select(pair => $"{Cell.Ratio((double)pair.Row.Cost.Macs / pair.Other.Cost.Macs)} ({pair.Row.Scale})");
        var costs = $"ShuffleNet v2 has {string.Join(", ", ratios)} of MobileNet's multiply-adds";
        if (!AreTrained(pairs))
            return Judged(Statement, NotJudged, costs + ".");
        var tolerance = Tolerance(pairs);
        return Judged(
            Statement, Verdict(pairs.All(pair => Math.Abs(Difference(pair)) <= tolerance)),
            $"{costs}, and its top-1 differs from MobileNet's by {Differences(pairs)} points (the study's: {StudyDifferences(pairs)}). Comparable is what is at most "
            + $"{Cell.Number(tolerance)} points apart.{NotAlike(pairs)}");
    }

    private static string Judged(string statement, string verdict, string figures) =>
        $"“{statement}”: {verdict}. {char.ToUpperInvariant(figures[0])}{figures[1..]}";

    private static string Verdict(bool holds) => holds ? "holds" : "does not hold";

    /// <summary>The networks of two families at each scale that both have.</summary>
    private (Row Row, Row Other)[] Pairs(string family, string other) =>
    [
        .. from row in _rows
           where row.Family == family
           from pair in _rows
           where pair.Family == other && pair.Scale == row.Scale
           select (row, pair),
    ];

    private Row[][] ScalesOfV1() => [.. _rows.Where(row => row.IsV1).GroupBy(row => row.Scale).Select(scale => scale.ToArray())];

    private static double Span(Row[] rows, Func<Row, double> cost) => rows.Max(cost) / rows.Min(cost);

    private static bool AreTrained((Row Row, Row Other)[] pairs) => pairs.All(pair => pair.Row.Top1 is not null && pair.Other.Top1 is not null);

    private static double Difference((Row Row, Row Other) pair) => pair.Row.Top1!.Value - pair.Other.Top1!.Value;

    private static double StudyDifference((Row Row, Row Other) pair) => pair.Row.Published.Top1 - pair.Other.Published.Top1;

    /// <summary>The largest difference of the study's own figures, which it calls comparable, or what seeds alone make.</summary>
    private double Tolerance((Row Row, Row Other)[] pairs) => Math.Max(pairs.Max(pair => Math.Abs(StudyDifference(pair))), _noise ?? 0);

    private static string Differences((Row Row, Row Other)[] pairs) =>
        string.Join(", ", pairs.Select(pair => $"{Cell.Difference(Difference(pair))} ({pair.Row.Scale})"));

    private static string StudyDifferences((Row Row, Row Other)[] pairs) => string.Join(", ", pairs.Select(pair => Cell.Difference(StudyDifference(pair))));

    private static string NotAlike((Row Row, Row Other)[] pairs) => NotAlike([.. pairs.SelectMany(pair => (Row[])[pair.Row, pair.Other])]);

    /// <summary>A warning where rows were not trained alike. L2 is left out, because the recipe itself sets it by width.</summary>
    private static string NotAlike(Row[] rows)
    {
        var trainings = rows.Select(row => row.Finished!.Training)
            .Select(training => (training.Recipe with { WeightDecay = 0 }, training.SoftLabels?.Fingerprint, training.Origin?.Fingerprint ?? training.From));
        return trainings.Distinct().Count() == 1 ? "" : " These rows were not trained alike, so their comparison says less.";
    }
}
