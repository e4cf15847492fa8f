using Riffle.Measurement;
using Riffle.Networks;

namespace Riffle.Tests.Measurement;

public class NetworkBenchmarkTests
{
    private static readonly TimeSpan Budget = TimeSpan.FromMilliseconds(5);
    private static readonly Network Small = NetworkCatalogue.Build(NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.25", imageSize: 24, classes: 10));

    [Fact]
    public void Inference_and_training_agree_with_their_own_figures()
    {
        var benchmark = NetworkBenchmark.Of(Small, Budget);
        var macs = Complexity.Of(Small).Macs;
        foreach (var (run, operations) in new[] { (benchmark.Inference(batch: 20, threads: 2), 2), (benchmark.Training(batch: 20, threads: 2), 6) })
        {
            Assert.Equal((2, 20), (run.Threads, run.Batch));
            Assert.Equal(20_000 / run.Timings.Median, run.ImagesPerSecond, 1e-6 * run.ImagesPerSecond);
            Assert.Equal(operations * macs * run.ImagesPerSecond / 1e9, run.Gflops, 1e-6 * run.Gflops);
            Assert.Equal(run.Gflops / run.PeakGflops, run.ShareOfPeak, 1e-9);
            Assert.Empty(run.Layers);
            Assert.True(run.PeakGflops > 0 && run.PeakResidentBytes > 0);
        }
    }

    [Fact]
    public void Threads_are_those_that_have_work() => Assert.Equal(1, NetworkBenchmark.Of(Small, Budget).Inference(batch: 1, threads: 2).Threads);

    [Fact]
    public void Layers_have_the_multiply_adds_of_the_network_and_the_bytes_of_their_tensors()
    {
        var benchmark = NetworkBenchmark.Of(Small, Budget, layers: true);
        var (inference, training) = (benchmark.Inference(batch: 1).Layers, benchmark.Training(batch: 20).Layers);
        Assert.Equal(Complexity.Of(Small).Macs, inference.Sum(line => line.Macs));
        Assert.Equal(
            inference.Select(line => line with { ForwardMilliseconds = 0 }),
            training.Select(line => line with { ForwardMilliseconds = 0, BackwardMilliseconds = 0 }));
        Assert.True(inference.Sum(line => line.BackwardMilliseconds) == 0 && training.Sum(line => line.BackwardMilliseconds) > 0);

        // 3×24×24 in, 6×24×24 out, 6 kernels of 3×3×3; 240 channels in, 10 classes out, weights and biases.
        Assert.Equal(4 * (3 * 24 * 24 + 6 * 24 * 24 + 6 * 27), inference.Single(line => line.Name == "conv1.0").Bytes);
        Assert.Equal(4 * (240 + 10 + 240 * 10 + 10), inference.Single(line => line.Name == "fc").Bytes);
        Assert.All(inference.Where(line => line.Output is null), line => Assert.Equal((0, 0, null), (line.Macs, line.Bytes, line.Operation)));
    }

    [Fact]
    public void A_batch_beyond_any_array_is_refused()
    {
        var large = NetworkCatalogue.Build(NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.25", imageSize: 1024));
        Assert.Throws<ArgumentException>(() => NetworkBenchmark.Of(large, Budget).Inference(batch: 65536));
    }

    [Fact]
    public void The_peak_is_a_number_of_operations() => Assert.InRange(PeakFlops.Measure(threads: 2), 0.001, 1e6);
}
