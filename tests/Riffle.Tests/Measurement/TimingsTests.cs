using FsCheck;
using FsCheck.Fluent;
using Riffle.Measurement;

namespace Riffle.Tests.Measurement;

public class TimingsTests
{
    private static readonly Arbitrary<double[]> Samples =
        (from count in Gen.Choose(1, 60)
         from values in Gen.Choose(1, 100_000).ArrayOf(count)
         select values.Select(value => value / 1000.0).ToArray()).ToArbitrary();

    [Theory]
    [InlineData(0, 1)]
    [InlineData(25, 2)]
    [InlineData(50, 3)]
    [InlineData(90, 4.6)]
    [InlineData(95, 4.8)]
    [InlineData(100, 5)]
    public void Percentiles_of_one_to_five(double percent, double expected) =>
        Assert.Equal(expected, new Timings([4, 1, 5, 3, 2]).Percentile(percent), 9);

    [Fact]
    public void The_median_of_an_even_number_lies_in_the_middle() => Assert.Equal(2.5, new Timings([1, 2, 3, 9]).Median);

    [Fact]
    public void Percentiles_rise_from_the_shortest_to_the_longest_whatever_the_order() => Prop.ForAll(Samples, samples =>
    {
        var timings = new Timings(samples);
        var percentiles = Enumerable.Range(0, 101).Select(percent => timings.Percentile(percent)).ToArray();
        return percentiles[0] == samples.Min() && percentiles[100] == samples.Max()
            && percentiles.Zip(percentiles.Skip(1)).All(pair => pair.First <= pair.Second)
            && new Timings(samples.Reverse()).Milliseconds.SequenceEqual(timings.Milliseconds);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void As_many_samples_lie_above_the_median_as_below() => Prop.ForAll(Samples, samples =>
    {
        var median = new Timings(samples).Median;
        return samples.Count(sample => sample < median) <= samples.Length / 2 && samples.Count(sample => sample > median) <= samples.Length / 2;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Of_equal_samples_every_percentile_is_the_same() => Prop.ForAll(Samples, samples =>
        new Timings(Enumerable.Repeat(samples[0], samples.Length)).Percentile(samples.Length % 100) == samples[0]).QuickCheckThrowOnFailure();

    [Fact]
    public void Without_a_sample_there_are_no_timings() => Assert.Throws<ArgumentException>(() => new Timings([]));

    [Theory]
    [InlineData(-0.1)]
    [InlineData(100.1)]
    [InlineData(double.NaN)]
    public void There_is_no_percentile_beyond_the_ends(double percent) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new Timings([1]).Percentile(percent));

    [Fact]
    public void A_warm_up_is_run_and_not_counted()
    {
        var runs = 0;
        var timings = Timings.Measure(() => runs++, TimeSpan.Zero);
        Assert.InRange(timings.Milliseconds.Length, 1, runs - 1);
    }

    [Fact]
    public void Work_is_cancelled_between_runs()
    {
        using var cancel = new CancellationTokenSource();
        var runs = 0;
        void Work()
        {
            if (++runs == 3)
                cancel.Cancel();
        }

        Assert.Throws<OperationCanceledException>(() => Timings.Measure(Work, TimeSpan.FromHours(1), cancel.Token));
        Assert.Equal(3, runs);
    }
}
