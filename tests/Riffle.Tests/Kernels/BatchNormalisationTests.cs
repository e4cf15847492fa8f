using Riffle.Kernels;
using Riffle.Simd;

namespace Riffle.Tests.Kernels;

public unsafe class BatchNormalisationTests
{
    /// <summary>Three channels over one block of 11 images, 2×3 positions: y = (x − mean)/σ·γ + β, in double precision.</summary>
    private static Volume Oracle(Volume x, double[] gamma, double[] beta, double epsilon)
    {
        var y = new Volume(x.Images, x.Channels, x.Height, x.Width);
        for (var c = 0; c < x.Channels; c++)
        {
            var values = Channel(x, c);
            var mean = values.Average();
            var sigma = Math.Sqrt(values.Average(v => (v - mean) * (v - mean)) + epsilon);
            for (var n = 0; n < x.Images; n++)
            {
                for (var i = 0; i < x.Height * x.Width; i++)
                    y[n, c, i / x.Width, i % x.Width] = (x[n, c, i / x.Width, i % x.Width] - mean) / sigma * gamma[c] + beta[c];
            }
        }

        return y;
    }

    private static double[] Channel(Volume x, int c) =>
        [.. Enumerable.Range(0, x.Images).SelectMany(n => Enumerable.Range(0, x.Height * x.Width).Select(i => x[n, c, i / x.Width, i % x.Width]))];

    [Fact]
    public void TrainingMatchesTheDefinitionAndItsDifferences()
    {
        const int Images = 11, Channels = 3;
        const float Epsilon = 1e-3f, Momentum = 0.3f;
        using var memory = new PlaneMemory(Images, (Channels, 2, 3));
        var planes = memory.Planes;
        for (var c = 0; c < Channels; c++)
            planes.Clamp[c] = Clamp.None;
        var gamma = memory.RandomFloats(Channels, out var gammas);
        var beta = memory.RandomFloats(Channels, out var betas);
        var mean = memory.RandomFloats(Channels, out var oldMeans);
        var variance = memory.RandomFloats(Channels, out var oldVariances);
        var kernel = new BatchNormalisation
        {
            Channels = Channels,
            Positions = 6,
            Epsilon = Epsilon,
            Momentum = Momentum,
            Weight = gamma,
            Bias = beta,
            RunningMean = mean,
            RunningVariance = variance,
        };
        for (var c = 0; c < Channels; c++)
            PlaneAccess.GatherSums<VecScalar>(planes, memory.Block, c, 0, 6 * Lanes.Count);
        BlockSums.Gather(memory.Block, 0, Channels);
        kernel.ForwardTraining(planes, memory.Block, Images);
        var x = memory.Raw(0);
        Close.Assert(Oracle(x, gammas, betas, Epsilon).Values, memory.Value(0).Values, 1e-5, "y");
        for (var c = 0; c < Channels; c++)
        {
            var values = Channel(x, c);
            var average = values.Average();
            var unbiased = values.Sum(v => (v - average) * (v - average)) / (values.Length - 1);
            Assert.Equal(oldMeans[c] * (1 - Momentum) + average * Momentum, mean[c], 1e-5);
            Assert.Equal(oldVariances[c] * (1 - Momentum) + unbiased * Momentum, variance[c], 1e-5);
        }

        var dz = memory.Gradient(0);
        for (var c = 0; c < Channels; c++)
        {
            var arriving = memory.Allocate<float>(6 * Lanes.Count);
            new Span<float>(memory.Block.Gradients + planes.GradientOffset[c], 6 * Lanes.Count).CopyTo(new Span<float>(arriving, 6 * Lanes.Count));
            PlaneAccess.AddGradient<VecScalar>(planes, memory.Block, c, 0, 6 * Lanes.Count, arriving, GradientWrite.Final);
        }

        float* dgamma = memory.Allocate<float>(Channels), dbeta = memory.Allocate<float>(Channels);
        BlockSums.Gather(memory.Block, 0, Channels);
        kernel.Backward(planes, memory.Block, Images, dgamma, dbeta);
        double Objective() => Oracle(x, gammas, betas, Epsilon).Values.Zip(dz.Values, (a, b) => a * b).Sum();
        Close.Assert(Differences(x.Values, Objective), memory.RawGradient(0).Values, 1e-4, "dx");
        Close.Assert(Differences(gammas, Objective), Close.Doubles(dgamma, Channels), 1e-4, "dγ");
        Close.Assert(Differences(betas, Objective), Close.Doubles(dbeta, Channels), 1e-4, "dβ");
    }

    [Fact]
    public void InferenceUsesTheRunningStatistics()
    {
        using var memory = new PlaneMemory(4, (2, 1, 1));
        var planes = memory.Planes;
        planes.Clamp[0] = planes.Clamp[1] = Clamp.None;
        var four = memory.Allocate<float>(8);
        new float[] { 2, 3, 0.5f, -1, 1, 2, 4, 9 }.CopyTo(new Span<float>(four, 8));
        var kernel = new BatchNormalisation { Channels = 2, Positions = 1, Weight = four, Bias = four + 2, RunningMean = four + 4, RunningVariance = four + 6 };
        kernel.Fold(new Span<float>(planes.Scale, 2), new Span<float>(planes.Shift, 2));
        var (x, y) = (memory.Raw(0), memory.Value(0));
        for (var n = 0; n < 4; n++)
        {
            Assert.Equal((x[n, 0, 0, 0] - 1) / 2 * 2 + 0.5, y[n, 0, 0, 0], 1e-5);
            Assert.Equal((x[n, 1, 0, 0] - 2) / 3 * 3 - 1, y[n, 1, 0, 0], 1e-5);
        }
    }

    /// <summary>Central differences of the oracle by each variable.</summary>
    private static double[] Differences(double[] variables, Func<double> objective)
    {
        const double Step = 1e-6;
        var slopes = new double[variables.Length];
        for (var i = 0; i < variables.Length; i++)
        {
            var value = variables[i];
            variables[i] = value + Step;
            var up = objective();
            variables[i] = value - Step;
            slopes[i] = (up - objective()) / (2 * Step);
            variables[i] = value;
        }

        return slopes;
    }
}
