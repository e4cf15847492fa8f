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
}
