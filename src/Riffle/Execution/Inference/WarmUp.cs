using Riffle.Networks;

namespace Riffle.Execution;

/// <summary>Has the code of inference compiled on another thread while a model is read, by running a small network.</summary>
internal static class WarmUp
{
    private const int Size = 8, Width = 112;

    /// <summary>Begins and returns at once. If it fails, nothing is lost: what is not compiled yet is compiled when it is needed.</summary>
    public static void Begin()
    {
        if (Environment.ProcessorCount > 1)
            Task.Run(Run);
    }

    /// <summary>Planes of 8×8 have their channels in lanes, so this thread compiles the kernels for these while the other one is at larger planes. The widths
    /// make tiles of the heights that are common.</summary>
    internal static void Run()
    {
        var builder = new NetworkBuilder();
        var x = builder.Relu(builder.ConvolutionNorm(0, builder.Input(Size, Size), Width, kernel: 3, stride: 1));
        x = builder.DepthwiseNorm(2, x, stride: 1);
        x = builder.Relu(builder.ConvolutionNorm(4, x, Width));
        builder.FullyConnected("fc", builder.GlobalAveragePool(x), Width);
        using var plan = new InferencePlan(new Weights(builder.Build("warm-up")), batch: 1, threads: 1);
        plan.Run(new byte[Size * Size * 3], 1, Normalisation.ImageNet, new float[Width]);
    }
}
