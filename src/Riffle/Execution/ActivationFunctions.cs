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
        ActivationKind.HardSwish => &ActivationKernel.Apply<TVec, HardSwish<TVec>>,
        ActivationKind.HardSigmoid => &ActivationKernel.Apply<TVec, HardSigmoid<TVec>>,
        ActivationKind.Sigmoid => &ActivationKernel.Apply<TVec, Sigmoid<TVec>>,
        _ => &ActivationKernel.Apply<TVec, Silu<TVec>>,
    };

    /// <summary>The step of training.</summary>
    public static TrainingStep Step(ActivationKind kind, ActivationKernel kernel, GradientWrite* writes) => kind switch
    {
        ActivationKind.HardSwish => new TrainingSteps<TVec>.ActivationStep<HardSwish<TVec>>(kernel, writes),
        ActivationKind.HardSigmoid => new TrainingSteps<TVec>.ActivationStep<HardSigmoid<TVec>>(kernel, writes),
        ActivationKind.Sigmoid => new TrainingSteps<TVec>.ActivationStep<Sigmoid<TVec>>(kernel, writes),
        _ => new TrainingSteps<TVec>.ActivationStep<Silu<TVec>>(kernel, writes),
    };
}
