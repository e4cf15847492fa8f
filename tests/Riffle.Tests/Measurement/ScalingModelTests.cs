using Riffle.Measurement;
using Riffle.Networks;

namespace Riffle.Tests.Measurement;

public class ScalingModelTests
{
    /// <summary>Ten layers of 4 ms forward and 8 ms backward, each with 4 MB of weights and batch norm over 100 planes; 10 ms of other work.</summary>
    private static readonly ScalingModel Model = new(
        [.. Enumerable.Range(0, 10).Select(_ => new ScalingModel.Step(4, 8, 1_000_000, 200, 200))], milliseconds: 130);

    [Fact]
    public void What_is_exchanged_is_counted() => Assert.Equal((130, 40_000_000, 20), (Model.Alone, Model.GradientBytes, Model.Exchanges));

    [Fact]
    public void One_rank_exchanges_nothing()
    {
        var alone = Model.Predict(1, new(1, 100));
        Assert.Equal((130, 130, 1, 1), (alone.Milliseconds, alone.LocalMilliseconds, alone.Kept, alone.LocalKept));
    }

    [Fact]
    public void More_ranks_keep_less_and_faster_links_more()
    {
        foreach (var link in new Link[] { new(1, 100), new(10, 30), new(100, 5) })
        {
            var kept = new[] { 1, 2, 4, 16, 64, 256 }.Select(ranks => Model.Predict(ranks, link).Kept).ToArray();
            Assert.Equal(kept.OrderDescending(), kept);
        }

        Assert.True(Model.Predict(16, new(10, 30)).Kept > Model.Predict(16, new(1, 30)).Kept);
        Assert.True(Model.Predict(16, new(10, 5)).Kept > Model.Predict(16, new(10, 30)).Kept);
        Assert.True(Model.Predict(16, new(10, 30)).LocalKept > Model.Predict(16, new(10, 30)).Kept);
    }

    /// <summary>40 MB each way take 320 ms at 1 Gbit/s, more than all of backward; what is left shows.</summary>
    [Fact]
    public void Gradients_that_are_not_through_keep_a_step_waiting()
    {
        var slow = Model.Predict(2, new(1, 0)).LocalMilliseconds;
        Assert.InRange(slow, 50 + 8 + 320, 50 + 80 + 320 + 50);
        Assert.InRange(Model.Predict(2, new(1000, 0)).LocalMilliseconds, 130, 130 * 1.7);
    }

    /// <summary>Ranks meet after forward, after backward and at the end of a step.</summary>
    [Fact]
    public void Latency_counts_once_for_each_exchange_and_each_halving()
    {
        var plain = new ScalingModel([new(10, 20, 0, 200, 200)], 30);
        double Step(int ranks, double latency) => plain.Predict(ranks, new(1e6, latency)).Milliseconds;
        Assert.Equal(3 * 1.0, Step(2, 1000) - Step(2, 0), 6);
        Assert.Equal(9 * 1.0, Step(8, 1000) - Step(8, 0), 6);
    }

    [Fact]
    public void A_real_network_is_measured_layer_by_layer()
    {
        var network = NetworkCatalogue.Build(NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.25", imageSize: 24));
        var model = NetworkBenchmark.Of(network, TimeSpan.FromMilliseconds(20)).Scaling(batch: 16, threads: 1, TestContext.Current.CancellationToken);
        Assert.Equal(50, model.Exchanges);
        Assert.Equal(network.Parameters.Where(p => p.Kind == ParameterKind.Kernel).Sum(p => 4L * p.Count), model.GradientBytes);
        Assert.InRange(model.Predict(2, new(10, 30)).Kept, 0.01, 0.9999);
    }
}
