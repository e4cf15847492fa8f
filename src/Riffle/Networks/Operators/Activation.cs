namespace Riffle.Networks;

/// <summary>The functions that <see cref="Activation"/> computes. ReLU and ReLU6 are <see cref="Relu"/>.</summary>
public enum ActivationKind
{
    /// <summary>x · min(max(x + 3, 0), 6) / 6 (Howard et al., 2019).</summary>
    HardSwish,

    /// <summary>min(max(x + 3, 0), 6) / 6.</summary>
    HardSigmoid,

    /// <summary>1 / (1 + e⁻ˣ).</summary>
    Sigmoid,

    /// <summary>x / (1 + e⁻ˣ), also known as swish (Elfwing et al., 2017).</summary>
    Silu,
}

/// <summary>A smooth function of each value by itself.</summary>
/// <param name="Kind">The function.</param>
public sealed partial record Activation(ActivationKind Kind) : Operation
{
    /// <inheritdoc/>
    public override string Name => Kind switch
    {
        ActivationKind.HardSwish => "hard_swish",
        ActivationKind.HardSigmoid => "hard_sigmoid",
        ActivationKind.Sigmoid => "sigmoid",
        _ => "silu",
    };

    internal override LayerCaption CaptionFor(Shape input) => new(LayerLook.Function, Kind switch
    {
        ActivationKind.HardSwish => "hard-swish",
        ActivationKind.HardSigmoid => "hard-sigmoid",
        ActivationKind.Sigmoid => "sigmoid",
        _ => "SiLU",
    });

    internal override Shape ShapeOf(string name, ReadOnlySpan<Shape> inputs)
    {
        Rules.Require(Enum.IsDefined(Kind), $"{name}: there is no activation {Kind}");
        return inputs[0];
    }

    internal override Channel[] Lower(LoweredNetwork lowering, Layer layer, Channel[][] inputs) => lowering.AddStep(layer, new Function(Kind), inputs);

    internal override VectorStep OnVector(double[] input, Func<int, float[]> parameter)
    {
        const double H = 1e-5;
        return VectorStep.Each(input, (_, x) => (At(x), (At(x + H) - At(x - H)) / (2 * H)));
    }

    private double At(double x) => Kind switch
    {
        ActivationKind.HardSwish => x * Math.Clamp(x + 3, 0, 6) / 6,
        ActivationKind.HardSigmoid => Math.Clamp(x + 3, 0, 6) / 6,
        ActivationKind.Sigmoid => 1 / (1 + Math.Exp(-x)),
        _ => x / (1 + Math.Exp(-x)),
    };

    internal override bool IsNonNegative(bool inputsAre) => Kind is ActivationKind.HardSigmoid or ActivationKind.Sigmoid;
}
