using System.Reflection;
using Riffle.Execution;

namespace Riffle.Tests.Execution;

/// <summary>Nothing that safe code does with a plan reads memory that is gone.</summary>
public class DisposalTests
{
    private static readonly Weights Weights = TrainingPlanTests.Create("shufflenet-v1-g3-x0.25");

    private static readonly float[] Images = TrainingPlanTests.Batch(Weights.Network, 1).Images;

    private static readonly byte[] Pixels = new byte[Images.Length];

    /// <summary>How each kind is made, and a call of each of its public members that would do if it were not disposed of.</summary>
    private static readonly Dictionary<string, (Func<IDisposable> Create, (string Member, Action<object> Call)[] Members)> Kinds = new()
    {
        [nameof(TrainingPlan)] = (() => new TrainingPlan(Weights, 20, 2),
        [
            (nameof(TrainingPlan.Weights), plan => _ = ((TrainingPlan)plan).Weights),
            (nameof(TrainingPlan.Batch), plan => _ = ((TrainingPlan)plan).Batch),
            (nameof(TrainingPlan.Threads), plan => _ = ((TrainingPlan)plan).Threads),
            (nameof(TrainingPlan.Memory), plan => _ = ((TrainingPlan)plan).Memory),
            (nameof(TrainingPlan.Gradients), plan => _ = ((TrainingPlan)plan).Gradients),
            (nameof(TrainingPlan.Step), plan => ((TrainingPlan)plan).Step(Images, [0])),
            (nameof(TrainingPlan.Step), plan => ((TrainingPlan)plan).Step(Pixels, [0], Normalisation.ImageNet)),
            (nameof(TrainingPlan.ReadLogits), plan => ((TrainingPlan)plan).ReadLogits(new float[1000])),
        ]),
        [nameof(InferencePlan)] = (() => new InferencePlan(Weights, 20, 2),
        [
            (nameof(InferencePlan.Weights), plan => _ = ((InferencePlan)plan).Weights),
            (nameof(InferencePlan.Batch), plan => _ = ((InferencePlan)plan).Batch),
            (nameof(InferencePlan.Threads), plan => _ = ((InferencePlan)plan).Threads),
            (nameof(InferencePlan.Refresh), plan => ((InferencePlan)plan).Refresh()),
            (nameof(InferencePlan.Run), plan => ((InferencePlan)plan).Run(Images, 1, new float[1000])),
            (nameof(InferencePlan.Run), plan => ((InferencePlan)plan).Run(Pixels, 1, Normalisation.ImageNet, new float[1000])),
        ]),
    };

    public static TheoryData<string> Disposables => [.. Kinds.Keys];

    [Theory]
    [MemberData(nameof(Disposables))]
    public void Every_public_member_of_what_is_disposed_of_says_so_and_disposing_twice_does_nothing(string kind)
    {
        var (create, members) = Kinds[kind];
        var disposed = create();
        disposed.Dispose();
        disposed.Dispose();
        foreach (var (member, call) in members)
            Assert.True(Record.Exception(() => call(disposed)) is ObjectDisposedException, member);

        var all = disposed.GetType().GetMembers(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Where(member => member is PropertyInfo or MethodInfo { IsSpecialName: false } && member.Name != nameof(IDisposable.Dispose));
        Assert.Equal(all.Select(member => member.Name).Order(), members.Select(member => member.Member).Order());
    }

    [Fact]
    public void Gradients_stay_readable_after_their_plan_is_disposed_of()
    {
        Span<float> gradients;
        float[] copy;
        using (var plan = new TrainingPlan(Weights, 4, 1))
        {
            var (images, labels) = TrainingPlanTests.Batch(Weights.Network, 4);
            plan.Step(images, labels);
            gradients = plan.Gradients;
            copy = gradients.ToArray();
        }

        GC.Collect();
        GC.WaitForPendingFinalizers();
        using var other = new TrainingPlan(Weights, 4, 1); // takes up memory that is free again
        Assert.Equal(copy, gradients.ToArray());
    }

    [Fact]
    public void A_plan_that_is_disposed_of_or_refreshed_while_threads_run_it_finishes_their_runs_first()
    {
        var (images, _) = TrainingPlanTests.Batch(Weights.Network, 20);
        var classes = Weights.Network.Classes;
        for (var round = 0; round < 20; round++)
        {
            var plan = new InferencePlan(Weights, 20, 2);
            var expected = new float[20 * classes];
            plan.Run(images, 20, expected);
            var done = 0;
            var threads = Enumerable.Range(0, 3).Select(worker => new Thread(() =>
            {
                var logits = new float[20 * classes];
                try
                {
                    while (true)
                    {
                        plan.Run(images, 20, logits);
                        Assert.Equal(expected, logits);
                        Interlocked.Increment(ref done);
                        if (worker == 0)
                            plan.Refresh();
                    }
                }
                catch (ObjectDisposedException)
                {
                    // What the test waits for.
                }
            })).ToList();
            threads.ForEach(thread => thread.Start());
            SpinWait.SpinUntil(() => Volatile.Read(ref done) > round % 5);
            plan.Dispose();
            threads.ForEach(thread => thread.Join());
        }
    }

    [Fact]
    public void Steps_that_threads_ask_for_at_the_same_time_are_taken_one_after_the_other_until_the_plan_is_disposed_of()
    {
        var (images, labels) = TrainingPlanTests.Batch(Weights.Network, 20);
        var plan = new TrainingPlan(Weights, 20, 2);
        var expected = plan.Step(images, labels);
        var done = 0;
        var threads = Enumerable.Range(0, 3).Select(_ => new Thread(() =>
        {
            try
            {
                while (true)
                {
                    Assert.Equal(expected, plan.Step(images, labels));
                    Interlocked.Increment(ref done);
                }
            }
            catch (ObjectDisposedException)
            {
                // What the test waits for.
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        SpinWait.SpinUntil(() => Volatile.Read(ref done) > 10);
        plan.Dispose();
        threads.ForEach(thread => thread.Join());
    }

    [Fact]
    public void A_normalisation_that_is_null_is_an_error_of_its_argument()
    {
        var pixels = new byte[20 * Weights.Network.Input.Elements];
        using var plan = new InferencePlan(Weights, 20, 2);
        Assert.Throws<ArgumentNullException>(() => plan.Run(pixels, 20, null!, new float[20 * Weights.Network.Classes]));
        using var training = new TrainingPlan(Weights, 20, 2);
        Assert.Throws<ArgumentNullException>(() => training.Step(pixels, new int[20], null!));
    }
}
