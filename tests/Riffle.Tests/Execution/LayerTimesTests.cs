using System.Diagnostics;
using Riffle.Execution;
using Riffle.Networks;

namespace Riffle.Tests.Execution;

public class LayerTimesTests
{
    private const int Images = 41;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Every_step_takes_time_forward_and_backward_and_all_of_them_no_more_than_there_is(int threads)
    {
        var weights = TrainingPlanTests.Create("shufflenet-v1-g3-x0.25");
        var (images, labels) = TrainingPlanTests.Batch(weights.Network, Images);
        using var plan = new TrainingPlan(weights, Images, threads);
        var times = plan.Times = new LayerTimes(weights.Network, plan.Threads);

        var start = Stopwatch.GetTimestamp();
        plan.Step(images, labels);
        plan.Step(images, labels);
        Assert.InRange(times.Total, TimeSpan.Zero, plan.Threads * Stopwatch.GetElapsedTime(start));

        var steps = Enumerable.Range(0, times.Layers.Length);
        Assert.All(steps, step => Assert.True(times.Of(step, backward: false) > TimeSpan.Zero && times.Of(step, backward: true) > TimeSpan.Zero));
        OtherWork[] forward = [OtherWork.Weights, OtherWork.Images, OtherWork.BatchNorm, OtherWork.Loss], backward = [OtherWork.BatchNorm, OtherWork.Gradients];
        Assert.All(forward, work => Assert.NotEqual(default, times.Of(work, backward: false)));
        Assert.All(backward, work => Assert.NotEqual(default, times.Of(work, backward: true)));
        Assert.Equal(times.Total.TotalMilliseconds, Both().Sum(time => time.TotalMilliseconds), tolerance: 0.05);

        IEnumerable<TimeSpan> Both() =>
            from backward in (bool[])[false, true]
            from time in steps.Select(step => times.Of(step, backward)).Concat(Enum.GetValues<OtherWork>().Select(work => times.Of(work, backward)))
            select time;
    }

    [Fact]
    public void Inference_has_no_backward()
    {
        var weights = TrainingPlanTests.Create("mobilenet-v1-x0.25");
        var (images, _) = TrainingPlanTests.Batch(weights.Network, Images);
        using var plan = new InferencePlan(weights, Images, threads: 2);
        var times = plan.Times = new LayerTimes(weights.Network, plan.Threads);

        var start = Stopwatch.GetTimestamp();
        plan.Run(images, Images, new float[Images * weights.Network.Classes]);
        Assert.InRange(times.Total, TimeSpan.Zero, plan.Threads * Stopwatch.GetElapsedTime(start));

        Assert.All(Enumerable.Range(0, times.Layers.Length), step => Assert.True(times.Of(step, backward: false) > TimeSpan.Zero));
        Assert.All(Enumerable.Range(0, times.Layers.Length), step => Assert.Equal(default, times.Of(step, backward: true)));
    }

    [Fact]
    public void The_steps_are_the_layers_that_compute()
    {
        var network = TrainingPlanTests.Create("shufflenet-v1-g3-x0.25").Network;
        Assert.Equal(
            network.Layers.Where(layer => layer.Operation is Convolution or FullyConnected or MaxPool or AveragePool or GlobalAveragePool or Add),
            new LayerTimes(network, threads: 1).Layers);
    }
}
