using System.Text.Json;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Training;

namespace Riffle.Tests.Training;

public class OptimiserTests
{
    private const double Momentum = 0.9;

    [Theory]
    [InlineData(OptimiserKind.Nesterov)]
    [InlineData(OptimiserKind.Momentum)]
    [InlineData(OptimiserKind.Adam)]
    public void Steps_are_those_of_PyTorch(OptimiserKind kind)
    {
        using var fixture = TorchOptimisers.Read();
        var root = fixture.RootElement;
        var weights = new Weights(SmallNetwork());
        Floats(root.GetProperty("start")).CopyTo(weights.Trained);
        var optimiser = new Optimiser(weights, kind, (float)Momentum, (float)root.GetProperty("decay").GetDouble());

        var after = root.GetProperty(kind.ToString().ToLowerInvariant());
        for (var step = 0; step < after.GetArrayLength(); step++)
        {
            optimiser.Apply(weights.Trained, Floats(root.GetProperty("gradients")[step]), root.GetProperty("rates")[step].GetDouble(), step);
            var expected = Floats(after[step]);
            for (var i = 0; i < expected.Length; i++)
                Assert.True(Math.Abs(expected[i] - weights.Trained[i]) < 2e-6, $"step {step}, weight {i}: {weights.Trained[i]} instead of {expected[i]}");
        }
    }

    [Theory]
    [InlineData(OptimiserKind.Nesterov)]
    [InlineData(OptimiserKind.Momentum)]
    [InlineData(OptimiserKind.Adam)]
    public void Steps_follow_the_formulas_in_double_precision(OptimiserKind kind)
    {
        const double Decay = 0.03;
        var network = NetworkCatalogue.Build(NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.25"));
        var weights = new Weights(network);
        var random = new Random(7);
        Randomise(weights.Trained, random);
        var (w, first, second) = (Widen(weights.Trained), new double[weights.Trained.Length], new double[weights.Trained.Length]);
        var decays = new double[w.Length];
        foreach (var p in network.Parameters.Where(p => p.Kind == ParameterKind.Kernel))
            decays.AsSpan(weights.OffsetOf(p), p.Count).Fill(Decay);

        var optimiser = new Optimiser(weights, kind, (float)Momentum, (float)Decay);
        var gradients = new float[w.Length];
        for (var step = 0; step < 5; step++)
        {
            Randomise(gradients, random);
            var rate = 0.1 / (step + 1);
            optimiser.Apply(weights.Trained, gradients, rate, step);
            for (var i = 0; i < w.Length; i++)
            {
                var g = gradients[i] + decays[i] * w[i];
                if (kind == OptimiserKind.Adam)
                {
                    first[i] = 0.9 * first[i] + 0.1 * g;
                    second[i] = 0.999 * second[i] + 0.001 * g * g;
                    w[i] -= rate * (first[i] / (1 - Math.Pow(0.9, step + 1))) / (Math.Sqrt(second[i] / (1 - Math.Pow(0.999, step + 1))) + 1e-8);
                }
                else
                {
                    first[i] = Momentum * first[i] + g;
                    w[i] -= rate * (kind == OptimiserKind.Nesterov ? g + Momentum * first[i] : first[i]);
                }

                Assert.True(Math.Abs(w[i] - weights.Trained[i]) < 2e-5, $"step {step}, weight {i}: {weights.Trained[i]} instead of {w[i]}");
            }
        }
    }

    [Fact]
    public void L2_pulls_kernels_and_nothing_else()
    {
        var weights = new Weights(SmallNetwork());
        weights.Trained.Fill(1);
        var optimiser = new Optimiser(weights, OptimiserKind.Nesterov, 0, 0.5f);
        optimiser.Apply(weights.Trained, new float[weights.Trained.Length], 0.5, 0);
        foreach (var p in weights.Network.Parameters.Where(p => p.IsTrained))
            Assert.All(weights[p.Name].ToArray(), value => Assert.Equal(p.Kind == ParameterKind.Kernel ? 0.75f : 1, value));
    }

    [Theory]
    [InlineData(OptimiserKind.Nesterov)]
    [InlineData(OptimiserKind.Adam)]
    public void A_step_allocates_nothing(OptimiserKind kind)
    {
        var weights = new Weights(SmallNetwork());
        var optimiser = new Optimiser(weights, kind, 0.9f, 1e-4f);
        var gradients = new float[weights.Trained.Length];
        for (var step = 0; step < 200; step++)
            optimiser.Apply(weights.Trained, gradients, 0.1, step);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var step = 0; step < 50; step++)
            optimiser.Apply(weights.Trained, gradients, 0.1, step);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    /// <summary>54 values of a kernel, 2 + 2 of batch norm, 6 of a kernel, 3 of a bias: no multiple of any vector width.</summary>
    internal static Network SmallNetwork()
    {
        var builder = new NetworkBuilder();
        var x = builder.BatchNorm("bn", builder.Convolution("conv", builder.Input(8, 8), 2, 3));
        builder.FullyConnected("fc", builder.GlobalAveragePool(builder.Relu(x)), 3);
        return builder.Build("small");
    }

    private static float[] Floats(JsonElement array) => [.. array.EnumerateArray().Select(e => (float)e.GetDouble())];

    private static double[] Widen(Span<float> values) => [.. values.ToArray().Select(v => (double)v)];

    private static void Randomise(Span<float> values, Random random)
    {
        foreach (ref var value in values)
            value = random.NextSingle() * 2 - 1;
    }
}

/// <summary>What make_optimisers.py wrote.</summary>
internal static class TorchOptimisers
{
    public static JsonDocument Read() => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", "optimisers.json")));
}
