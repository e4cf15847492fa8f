using Riffle.Execution;
using Riffle.Networks;
using Riffle.Tests.Kernels;
using Riffle.Tests.Networks;

namespace Riffle.Tests.Execution;

/// <summary>Plans write into their own memory, and give it back: also those that can't be made.</summary>
public class MemoryGuardTests
{
    public static TheoryData<string, string> AllWidths => VectorWidths.With(SmallNetworks.Names);

    [Theory]
    [MemberData(nameof(AllWidths))]
    public void No_kernel_writes_past_the_end_of_its_memory(string width, string name)
    {
        var level = VectorWidths.Count(width);
        var weights = TrainingPlanTests.Create(name);
        using var on = MemoryGuard.TurnOn();
        using var training = new TrainingPlan(weights, 40, 2, level);
        var (images, labels) = TrainingPlanTests.Batch(weights.Network, 40);
        training.Step(images, labels, 0.1f);
        training.Step(images.AsSpan(0, 21 * (int)weights.Network.Input.Elements), labels.AsSpan(0, 21), 0.1f);
        training.ReadLogits(new float[21 * weights.Network.Classes]);

        // Two blocks, a block that lacks an image, and single images; by one thread and by two.
        foreach (var (batch, threads) in new[] { (33, 1), (31, 2), (1, 1) })
        {
            using var inference = new InferencePlan(weights, batch, threads, level);
            inference.Run(images.AsSpan(0, batch * (int)weights.Network.Input.Elements), batch, new float[batch * weights.Network.Classes]);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(63)]
    [InlineData(MemoryGuard.Size - 1)]
    public unsafe void A_write_past_the_end_of_an_array_is_found(int beyond)
    {
        using var on = MemoryGuard.TurnOn();
        using var arena = new NativeArena();
        _ = arena.Allocate<float>(3);
        var array = arena.Allocate<float>(5);
        _ = arena.Allocate<float>(7);
        array[4] = 1;
        arena.Verify();
        ((byte*)(array + 5))[beyond] = 1;
        var message = Assert.Throws<InvalidOperationException>(arena.Verify).Message;
        Error.Names(message, "array of 20 bytes", $" {beyond} bytes");
    }

    [Fact]
    public unsafe void A_write_past_the_end_of_a_row_is_found_where_it_happened()
    {
        using var on = MemoryGuard.TurnOn();
        using var arena = new NativeArena();
        var rows = arena.AllocateRows<float>(3, 10, out var stride);
        for (var row = 0; row < 3; row++)
            new Span<float>(rows + row * stride, 10).Fill(1);
        arena.Verify();
        rows[stride + 10] = 1;
        Assert.Contains("row 1 of 40 bytes", Assert.Throws<InvalidOperationException>(arena.Verify).Message);
    }

    [Fact]
    public unsafe void A_write_past_the_end_of_an_array_of_its_own_is_found()
    {
        using var on = MemoryGuard.TurnOn();
        using var array = new NativeArray<float>(3);
        array.Verify();
        array.Pointer[3] = 0;
        Assert.Throws<InvalidOperationException>(array.Verify);
    }

    /// <summary>A kernel that is given too large a plane, as a mistake in a window's arithmetic would: the plan itself tells.</summary>
    [Fact]
    public unsafe void A_step_of_a_plan_that_writes_too_far_is_found_by_the_plan()
    {
        var weights = TrainingPlanTests.Create(SmallNetworks.Names[0]);
        var (images, labels) = TrainingPlanTests.Batch(weights.Network, 8);
        using var on = MemoryGuard.TurnOn();
        using var plan = new TrainingPlan(weights, 8, 1);
        plan.Step(images, labels);
        *plan.EndOfScratch = 1;
        Assert.Contains("past its end", Assert.Throws<InvalidOperationException>(() => plan.Step(images, labels)).Message);
    }

    [Fact]
    public unsafe void Without_guards_arrays_and_rows_lie_as_close_as_they_can()
    {
#if !DEBUG
        using var arena = new NativeArena();
        var first = arena.AllocateRows<float>(4, 16, out var stride);
        Assert.Equal(16, stride);
        Assert.Equal((nint)first + 4 * 64, (nint)arena.Allocate<float>(1));
        Assert.Equal(0, arena.GuardBytes);
#endif
    }
}

/// <summary>What is counted is the process's.</summary>
[Collection(nameof(Alone))]
public class ReleaseTests
{
    private static readonly Weights Weights = TrainingPlanTests.Create("shufflenet-v1-g3-x0.25");

    /// <summary>
    /// A convolution that only inference has, or values that no step of inference writes: ReLU behind half of a convolution. In front of both are layers that
    /// take memory.
    /// </summary>
    private static Weights Unsupported(bool training)
    {
        var builder = new NetworkBuilder();
        var x = builder.BatchNorm("stem.1", builder.Convolution("stem.0", builder.Input(16, 16), 8, 3));
        x = builder.Convolution("one", x, 16, 1);
        x = training
            ? builder.Convolution("odd", x, 16, 3, groups: 4)
            : builder.Concat(builder.Relu(builder.Slice(x, 0, 8)), builder.Slice(x, 8, 8));
        builder.FullyConnected("fc", builder.GlobalAveragePool(x), 3);
        return new(builder.Build("unsupported"));
    }

    [Fact]
    public void A_plan_that_cannot_be_made_gives_all_memory_and_threads_back()
    {
        var (untrainable, unsupported) = (Unsupported(training: true), Unsupported(training: false));
        var (memory, threads) = (NativeMemoryInUse.Bytes, Workers());
        for (var i = 0; i < 3; i++)
        {
            Assert.Throws<NotSupportedException>(() => new TrainingPlan(untrainable, 16, 2));
            Assert.Throws<NotSupportedException>(() => new InferencePlan(unsupported, 32, 2));

            // More than any machine has, asked for when part of the plan is there.
            Assert.Contains("there is no memory", Assert.Throws<RiffleException>(() => new TrainingPlan(Weights, int.MaxValue - 15, 2)).Message);
        }

        AssertBack(memory, threads);
    }

    [Fact]
    public void Plans_give_back_what_they_took()
    {
        var (memory, threads) = (NativeMemoryInUse.Bytes, Workers());
        using (new TrainingPlan(Weights, 48, 3))
        using (new InferencePlan(Weights, 48, 3))
            Assert.True(NativeMemoryInUse.Bytes > memory);
        AssertBack(memory, threads);
    }

    /// <summary>
    /// A thread that has ended is gone from the system's list a moment later: those of the test before may still be among <paramref name="threads"/>, so
    /// threads are compared one by one.
    /// </summary>
    private static void AssertBack(long memory, HashSet<string> threads)
    {
        Assert.Equal(memory, NativeMemoryInUse.Bytes);
        Assert.True(SpinWait.SpinUntil(() => Workers().IsSubsetOf(threads), TimeSpan.FromSeconds(10)), "a pool's threads are still there");
    }

    /// <summary>The system's numbers of pools' threads, which are known by their names.</summary>
    private static HashSet<string> Workers() => OperatingSystem.IsLinux()
        ? [.. Directory.GetDirectories("/proc/self/task").Where(task => NameOf(task).StartsWith("riffle ", StringComparison.Ordinal))]
        : [];

    private static string NameOf(string task)
    {
        try
        {
            return File.ReadAllText(Path.Combine(task, "comm"));
        }
        catch (IOException)
        {
            return ""; // it has just ended
        }
    }
}
