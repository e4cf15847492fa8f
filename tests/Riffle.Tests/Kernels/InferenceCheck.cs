using Riffle.Execution;
using Riffle.Kernels;
using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Tests.Kernels;

/// <summary>A kernel of inference against its oracle, with every end that its output may have; nothing is written where nothing may be.</summary>
internal static unsafe class InferenceCheck
{
    public const double Tolerance = 2e-5;

    public delegate void Kernel(in Planes planes, float* data, float* scratch);

    public delegate void ActivatedKernel(in Planes planes, float* data, float* scratch, delegate*<float*, float*, int, void> function);

    /// <summary>Runs a kernel with each clamp, and compares with what the oracle says before bias and clamp.</summary>
    public static void Run(InferenceMemory memory, int lanes, bool hasBias, long scratch, Volume oracle, Kernel infer)
    {
        foreach (var clamp in InferenceMemory.Clamps)
        {
            var expected = Expected(memory, hasBias, oracle, value => InferenceMemory.Clamped(clamp, value));
            Run(memory, clamp, scratch, expected, infer, $"y with {lanes} lanes and {clamp}");
        }
    }

    /// <summary>The same, and with each smooth activation behind the bias in place of the clamp.</summary>
    public static void RunActivated<TVec>(InferenceMemory memory, int lanes, long scratch, Volume oracle, ActivatedKernel infer)
        where TVec : unmanaged, IVec<TVec>
    {
        Run(memory, lanes, hasBias: true, scratch, oracle, (in all, data, room) => infer(all, data, room, null));
        memory.WidenBiases();
        foreach (var kind in Enum.GetValues<ActivationKind>())
        {
            var expected = Expected(memory, hasBias: true, oracle, value => Oracle.Activation(kind, value));
            Run(memory, Clamp.None, scratch, expected,
                (in all, data, room) => infer(all, data, room, ActivationFunctions<TVec>.Of(kind)), $"y with {lanes} lanes and {kind}");
        }
    }

    private static double[] Expected(InferenceMemory memory, bool hasBias, Volume oracle, Func<double, double> ending)
    {
        var perPlane = oracle.Height * oracle.Width;
        return [.. oracle.Values.Select((value, i) => ending(value + (hasBias ? memory.Bias[i / perPlane % oracle.Channels] : 0)))];
    }

    private static void Run(InferenceMemory memory, Clamp clamp, long scratch, double[] expected, Kernel infer, string what)
    {
        var room = memory.Prepare(clamp, scratch);
        infer(memory.Planes, memory.Data, room);
        Close.Assert(expected, memory.ReadOutput().Values, Tolerance, what);
        memory.AssertUntouched(what);
    }
}
