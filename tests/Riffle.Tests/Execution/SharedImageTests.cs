using Riffle.Execution;
using Riffle.Networks;
using Riffle.Simd;
using Riffle.Tests.Kernels;
using Riffle.Tests.Networks;

namespace Riffle.Tests.Execution;

/// <summary>One image, or a block of sixteen, computed by several threads.</summary>
public class SharedImageTests
{
    public static TheoryData<string, string> Cases => VectorWidths.With(SmallNetworks.Names);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Parts_of_stages_give_the_same_bits_as_whole_ones_in_any_order(string width, string name) =>
        AssertSameBits(NetworkCatalogue.Build(NetworkCatalogue.Resolve(name, imageSize: 40, classes: 10)), VectorWidths.Count(width));

    /// <summary>Every form of layer.</summary>
    [Fact]
    public void Parts_of_stages_of_networks_made_at_random_give_the_same_bits_as_whole_ones()
    {
        const int Networks = 300;
        for (var seed = 0; seed < Networks; seed++)
            AssertSameBits(RandomNetworks.Any(seed), VectorLevels.Available[seed % VectorLevels.Available.Count]);
    }

    [Fact]
    public void Parts_of_stages_of_the_imagenet_preset_give_the_same_bits_as_whole_ones() =>
        AssertSameBits(NetworkCatalogue.Build(NetworkCatalogue.Resolve("shufflenet-v2-x0.5", Preset.ImageNet)), VectorLevels.Best);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Images_and_batches_have_the_same_bits_for_any_number_of_threads(string width, string name)
    {
        const int Most = 19;
        var level = VectorWidths.Count(width);
        var weights = InferencePlanTests.Trained(NetworkCatalogue.Build(NetworkCatalogue.Resolve(name, imageSize: 40, classes: 10)));
        var (images, _) = TrainingPlanTests.Batch(weights.Network, Most);
        using var one = new InferencePlan(weights, Most, 1, level);
        foreach (var threads in (int[])[2, 3, 5, 16])
        {
            using var single = new InferencePlan(weights, 1, threads, level, isEager: true);
            using var plan = new InferencePlan(weights, Most, threads, level, isEager: true);
            Assert.Equal((threads, threads), (single.Threads, plan.Threads));
            foreach (var count in (int[])[1, 2, 3, 16, 19])
                Assert.Equal(InferencePlanTests.Run(one, images, count), InferencePlanTests.Run(plan, images, count));
            Assert.Equal(InferencePlanTests.Run(one, images, 1), InferencePlanTests.Run(single, images, 1));
        }
    }

    [Fact]
    public void Bytes_are_brought_in_by_several_threads_with_the_same_bits_as_by_one()
    {
        var weights = InferencePlanTests.Trained(NetworkCatalogue.Build(NetworkCatalogue.Resolve("shufflenet-v2-x0.5", Preset.ImageNet)));
        var pixels = new byte[weights.Network.Input.Elements];
        new Random(1).NextBytes(pixels);
        using var one = new InferencePlan(weights, 1, 1);
        using var many = new InferencePlan(weights, 1, 3, VectorLevels.Best, isEager: true);
        var (expected, actual) = (new float[weights.Network.Classes], new float[weights.Network.Classes]);
        one.Run(pixels, 1, Normalisation.ImageNet, expected);
        many.Run(pixels, 1, Normalisation.ImageNet, actual);
        Assert.Equal(expected, actual);
    }

    /// <summary>Calls come and go while others run, so helpers are sent away in the middle of images, and come back.</summary>
    [Fact]
    public async Task Calls_at_the_same_time_give_the_same_bits_as_alone()
    {
        const int Callers = 4, Rounds = 60, Most = 5;
        var weights = InferencePlanTests.Trained(NetworkCatalogue.Build(NetworkCatalogue.Resolve("shufflenet-v2-x0.5", imageSize: 64, classes: 10)));
        var (images, _) = TrainingPlanTests.Batch(weights.Network, Most);
        using var plan = new InferencePlan(weights, Most, 3, VectorLevels.Best, isEager: true);
        float[][] expected = [.. Enumerable.Range(1, Most).Select(count => InferencePlanTests.Run(plan, images, count))];
        var callers = Enumerable.Range(0, Callers).Select(caller => Task.Factory.StartNew(
            () =>
            {
                for (var round = 0; round < Rounds; round++)
                {
                    var count = (caller + round) % Most + 1;
                    Assert.Equal(expected[count - 1], InferencePlanTests.Run(plan, images, count));
                    if (round % 7 == caller)
                        Thread.Sleep(1);
                }
            },
            TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToArray();
        await Task.WhenAll(callers);
    }

    [Fact]
    public void A_plan_takes_as_many_threads_as_its_network_is_worth()
    {
        InferencePlan Plan(string name, Preset preset, int batch) => new(new Weights(NetworkCatalogue.Build(NetworkCatalogue.Resolve(name, preset))), batch, 16);
        using var tiny = Plan("shufflenet-v1-g3-x0.25", Preset.Tiny, 1);
        using var tinyBatch = Plan("shufflenet-v1-g3-x0.25", Preset.Tiny, 8);
        using var medium = Plan("shufflenet-v2-x1.0", Preset.ImageNet, 1);
        using var large = Plan("mobilenet-v1-x1.0", Preset.ImageNet, 1);
        Assert.Equal((1, 8, 16), (tiny.Threads, tinyBatch.Threads, large.Threads));
        Assert.InRange(medium.Threads, 2, 15);
    }

    private static void AssertSameBits(Network network, VectorLevel level)
    {
        var weights = InferencePlanTests.Trained(network, spread: 0.05);
        foreach (var lanes in (int[])[1, Lanes.Count])
        {
            using var program = new InferenceProgram(network, lanes, level);
            program.Fold(weights);
            using var workspace = new Workspace(program.DataSize, program.Scratch);
            var expected = Logits(program, workspace, parts: 1);
            foreach (var parts in (int[])[2, 3, 5, 16])
            {
                Assert.Equal(expected, Logits(program, workspace, parts, isReversed: false));
                Assert.Equal(expected, Logits(program, workspace, parts, isReversed: true));
            }
        }
    }

    /// <summary>One part after the other, over memory that holds nothing yet. A part that needs what another one does finds it missing in one of both orders.
    /// </summary>
    private static unsafe float[] Logits(InferenceProgram program, Workspace workspace, int parts, bool isReversed = false)
    {
        var (network, logits) = (program.Network, new float[program.LaneCount * program.Network.Classes]);
        new Span<float>(workspace.Data, checked((int)program.DataSize)).Fill(float.NaN);
        var random = new Random(2);
        for (var colour = 0; colour < 3; colour++)
        {
            for (var i = 0; i < network.Input.Height * network.Input.Width * program.LaneCount; i++)
                workspace.Data[program.ImagesOffset + colour * program.ImagesStride + i] = random.NextSingle() * 2 - 1;
        }

        foreach (var stage in program.Stages)
        {
            for (var part = 0; part < parts; part++)
                stage.Run(isReversed ? parts - 1 - part : part, parts, workspace.Data, workspace.Scratch, times: null, worker: 0);
        }

        workspace.Verify();
        for (var lane = 0; lane < program.LaneCount; lane++)
            program.ReadOutput(workspace.Data, lane, logits.AsSpan(lane * network.Classes, network.Classes));
        return logits;
    }
}
