using Riffle.Reports.Documents;

namespace Riffle.Tests.Reports;

public class AxisTests
{
    [Theory]
    [InlineData(0, 30, new double[] { 0, 5, 10, 15, 20, 25, 30 })]
    [InlineData(33.6, 54, new double[] { 30, 35, 40, 45, 50, 55 })]
    [InlineData(0, 2, new[] { 0, 0.5, 1, 1.5, 2 })]
    [InlineData(50, 50, new[] { 50, 50.2, 50.4, 50.6, 50.8, 51 })]
    public void A_linear_axis_goes_from_one_round_number_to_another(double least, double most, double[] ticks) =>
        Assert.Equal(ticks, Axis.Linear("", [least, most]).Ticks.AsEnumerable());

    [Theory]
    [InlineData(1.64, 42.7, new double[] { 1, 2, 5, 10, 20, 50 })]
    [InlineData(0.081, 1.733, new[] { 0.05, 0.1, 0.2, 0.5, 1, 2 })]
    [InlineData(1, 1, new double[] { 1, 2 })]
    public void A_logarithmic_axis_has_one_two_and_five(double least, double most, double[] ticks) =>
        Assert.Equal(ticks, Axis.Logarithmic("", [least, most]).Ticks.AsEnumerable());

    [Fact]
    public void Values_lie_between_the_ends()
    {
        Assert.Equal(0.5, Axis.Linear("", [0, 10]).Place(5), 12);
        Assert.Equal(0.5, Axis.Logarithmic("", [1, 100]).Place(10), 12);
        Assert.Equal(0, Axis.Linear("", []).Place(Axis.Linear("", []).Least));
    }
}
