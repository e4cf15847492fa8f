using Riffle.Evaluation;

namespace Riffle.Tests.Evaluation;

public class ConfusionMatrixTests
{
    [Fact]
    public void Pairs_count_both_ways_and_the_worst_comes_first()
    {
        var matrix = new ConfusionMatrix(3);
        matrix.Add(0, [0, 1, 0]);
        matrix.Add(1, [1, 0, 0]);
        matrix.Add(1, [2, 0, 1]);
        matrix.Add(2, [0, 1, 0.5f]);
        matrix.Add(2, [0, 0, 1]);

        Assert.Equal((1, 1, 2), (matrix[0, 1], matrix[2, 2], matrix[1, 0]));
        Assert.Equal([new Confusion(0, 1, 1, 2), new Confusion(1, 2, 0, 1)], matrix.MostConfused(5));
        Assert.Equal([new Confusion(0, 1, 1, 2)], matrix.MostConfused(1));
    }

    [Fact]
    public void Of_equal_logits_the_first_class_is_the_prediction_as_in_top_1()
    {
        var matrix = new ConfusionMatrix(3);
        matrix.Add(1, [0, 0, 0]);
        Assert.Equal(1, matrix[1, 0]);
    }

    [Fact]
    public void A_class_has_recall_precision_and_F1()
    {
        var matrix = new ConfusionMatrix(4);
        float[][] logits = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]];
        foreach (var (label, predicted, times) in new[] { (0, 0, 6), (0, 1, 2), (1, 0, 1), (1, 1, 1), (2, 0, 3) })
        {
            for (var i = 0; i < times; i++)
                matrix.Add(label, logits[predicted]);
        }

        Assert.Equal(new ClassMetrics(8, 10, 6), matrix.Of(0));
        Assert.Equal((75.0, 60.0), (matrix.Of(0).Recall, matrix.Of(0).Precision));
        Assert.Equal(2 / (1 / 75.0 + 1 / 60.0), matrix.Of(0).F1!.Value, 1e-9);
        Assert.Equal((0.0, null, 0.0), (matrix.Of(2).Recall, matrix.Of(2).Precision, matrix.Of(2).F1));
        Assert.Equal((null, null, null), (matrix.Of(3).Recall, matrix.Of(3).Precision, matrix.Of(3).F1));
        Assert.Equal((75 + 50 + 0) / 3.0, matrix.BalancedAccuracy, 1e-9);
        Assert.Equal((1, 0, 0, null), (matrix.MostlyTakenFor(0), matrix.MostlyTakenFor(1), matrix.MostlyTakenFor(2), matrix.MostlyTakenFor(3)));
    }
}
