using Riffle.Execution;

namespace Riffle.Tests.Execution;

[Collection(nameof(Alone))]
public class AllocationTests
{
    [Fact]
    public void SteadyStateAllocatesNothing()
    {
        var weights = TrainingPlanTests.Create("shufflenet-v1-g3-x0.25");
        var network = weights.Network;
        var pixels = new byte[32 * network.Input.Elements];
        new Random(1).NextBytes(pixels);
        var labels = Enumerable.Range(0, 32).Select(n => n % network.Classes).ToArray();
        using var plan = new TrainingPlan(weights, 32, 2);
        using var inference = new InferencePlan(weights, 32, 2);
        var logits = new float[32 * network.Classes];
        void Run()
        {
            plan.Step(pixels, labels, Normalisation.ImageNet, 0.1f);
            inference.Run(pixels, 32, Normalisation.ImageNet, logits);
        }

        // The runtime itself allocates a little now and then, so the quietest of a few tries counts; the plans' own allocations would be in every one.
        var least = long.MaxValue;
        for (var attempt = 0; attempt < 10 && least > 0; attempt++)
        {
            Run();
            var before = GC.GetTotalAllocatedBytes(precise: true);
            for (var step = 0; step < 5; step++)
                Run();
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }

        Assert.Equal(0, least);
    }
}
