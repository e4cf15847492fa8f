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
    public static Step Step(ActivationKind kind, Kernels.Activation kernel, Arrival* arrivals) => kind switch
    {
        ActivationKind.HardSwish => new Steps<TVec>.Function<HardSwish<TVec>>(kernel, arrivals),
        ActivationKind.HardSigmoid => new Steps<TVec>.Function<HardSigmoid<TVec>>(kernel, arrivals),
        ActivationKind.Sigmoid => new Steps<TVec>.Function<Sigmoid<TVec>>(kernel, arrivals),
        _ => new Steps<TVec>.Function<Silu<TVec>>(kernel, arrivals),
    };
}
