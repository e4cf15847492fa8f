using Riffle.Kernels;
using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>The kernels of the smooth activations, by their kind.</summary>
internal static unsafe class ActivationFunctions<TVec>
    where TVec : unmanaged, IVec<TVec>
{
    /// <summary>y = f(x) for a run of floats; null where there is no function.</summary>
    public static delegate*<float*, float*, int, void> Of(ActivationKind? kind) => kind switch
    {
        null => null,
        ActivationKind.HardSwish => &Kernels.Activation.Apply<TVec, HardSwish<TVec>>,
        ActivationKind.HardSigmoid => &Kernels.Activation.Apply<TVec, HardSigmoid<TVec>>,
        ActivationKind.Sigmoid => &Kernels.Activation.Apply<TVec, Sigmoid<TVec>>,
        _ => &Kernels.Activation.Apply<TVec, Silu<TVec>>,
    };

    /// <summary>The step of training.</summary>
    public static TrainingStep Step(ActivationKind kind, Kernels.Activation kernel, GradientWrite* writes) => kind switch
    {
        ActivationKind.HardSwish => new TrainingSteps<TVec>.Function<HardSwish<TVec>>(kernel, writes),
        ActivationKind.HardSigmoid => new TrainingSteps<TVec>.Function<HardSigmoid<TVec>>(kernel, writes),
        ActivationKind.Sigmoid => new TrainingSteps<TVec>.Function<Sigmoid<TVec>>(kernel, writes),
        _ => new TrainingSteps<TVec>.Function<Silu<TVec>>(kernel, writes),
    };
}
