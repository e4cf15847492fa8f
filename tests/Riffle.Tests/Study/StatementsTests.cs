using System.Collections.Immutable;
using Riffle.Data;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Reports.Documents;
using Riffle.Study;

namespace Riffle.Tests.Study;

public class StatementsTests
{
    [Fact]
    public void Without_all_rows_only_complexity_is_judged()
    {
        var texts = Texts([.. StudyFigures.Models.Select(model => Row(model, model.StartsWith("mobilenet", StringComparison.Ordinal) ? 50 : null))]);
        Assert.Equal(4, texts.Length);
        Assert.All([texts[0], texts[2], texts[3]], text => Assert.Contains("not judged: not all rows are trained", text));
        Assert.Contains("hardly changes complexity”: holds.", texts[1]);

        // 20.02 to 19.20, 6.27 to 5.56 and 2.043 to 1.641 million.
        Assert.Contains("1.04 (x1.0), 1.13 (x0.5), 1.25 (x0.25) times", texts[1]);
        Assert.Contains("at most 1.33 times", texts[1]);
    }

    [Fact]
    public void The_study_s_own_figures_bear_out_its_conclusions()
    {
        var texts = Texts([.. StudyFigures.Models.Select(model => Row(model, StudyFigures.Of(model)!.Top1))]);
        Assert.All(texts, text => Assert.Contains("”: holds.", text));
        Assert.Contains("0.46 to 0.57 of MobileNet's", texts[0]);
        Assert.Contains("+2.00 (x1.0), +2.00 (x0.5), 0.00 (x0.25)", texts[0]);
    }

    [Fact]
    public void Other_figures_do_not()
    {
        // ShuffleNet v1 falls where it should grow, and is far below MobileNet.
        var texts = Texts([.. StudyFigures.Models.Select(model => Row(model, model.EndsWith("x1.0", StringComparison.Ordinal) ? 20 : 60))
            .Select(row => row.Family == "mobilenet-v1" ? Row(row.Model, 70) : row)]);
        Assert.All([texts[0], texts[2], texts[3]], text => Assert.Contains("”: does not hold.", text));
    }

    [Fact]
    public void The_spread_over_seeds_widens_what_is_comparable_and_is_told()
    {
        var rows = StudyFigures.Models.Select(model => Row(model, model.StartsWith("mobilenet", StringComparison.Ordinal) ? 53 : 50)).ToArray();
        Assert.Contains("”: does not hold.", Texts([.. rows])[0]);
        Assert.Contains("not measured", Lead([.. rows]));

        // A standard deviation of 2: 5.66 points between two figures are nothing.
        var run = rows[0].Run!;
        rows[0] = rows[0] with { Run = run with { Notes = run.Notes with { Spread = new([48, 50, 52]) } } };
        Assert.Contains("”: holds.", Texts([.. rows])[0]);
        Assert.Contains("closer than 5.66 points", Lead([.. rows]));
    }

    [Fact]
    public void Rows_that_were_not_trained_alike_are_told()
    {
        var rows = StudyFigures.Models.Select(model => Row(model, StudyFigures.Of(model)!.Top1)).ToArray();
        Assert.DoesNotContain("not trained alike", string.Concat(Texts([.. rows])));
        var run = rows[0].Run!;
        rows[0] = rows[0] with { Run = run with { Training = run.Training with { From = "models/other.safetensors" } } };
        Assert.Contains("not trained alike", Texts([.. rows])[2]);
    }

    [Fact]
    public void A_line_is_fitted_by_least_squares()
    {
        var exact = Fit.Of([(0, 1), (1, 3), (2, 5)]);
        Assert.Equal((2, 1), (exact.Slope, exact.RSquared));

        // By hand: slope 3/2, residuals 1/6, −1/3, 1/6 and a variance of 14/3.
        var noisy = Fit.Of([(0, 1), (1, 2), (2, 4)]);
        Assert.Equal(1.5, noisy.Slope, 12);
        Assert.Equal(1 - 1.0 / 6 / (14.0 / 3), noisy.RSquared, 12);
    }

    private static string[] Texts(ImmutableArray<Row> rows) => [.. Paragraphs(rows).Skip(1)];

    private static string Lead(ImmutableArray<Row> rows) => Paragraphs(rows).First();

    private static IEnumerable<string> Paragraphs(ImmutableArray<Row> rows) => StatementsSection.Of(rows).Blocks.Cast<Paragraph>().Select(block => block.Text);

    private static Row Row(string model, double? top1)
    {
        var spec = NetworkCatalogue.Resolve(model);
        var recipe = Recipe.Best with { Epochs = 1 };
        Run Trained(double top1) => new(
            "run", spec,
            new(recipe, 0, new DatasetIdentity("f", 1, 1), new Progress(1, 0, default), [new(1, 0.1, new(1, top1, 90), new(1, top1, 90))]), RunNotes.None);
        return new(model, StudyFigures.Of(model)!, Complexity.Of(NetworkCatalogue.Build(spec)), null, top1 is { } trained ? Trained(trained) : null);
    }
}
