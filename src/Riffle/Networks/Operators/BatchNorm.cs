using System.Collections.Immutable;

namespace Riffle.Networks;

/// <summary>Batch normalisation (Ioffe and Szegedy, 2015): (x − mean) / sqrt(variance + ε) · weight + bias, per channel.</summary>
/// <param name="Epsilon">Added to the variance.</param>
/// <param name="Momentum">The weight of the new batch in the running mean and variance, as in PyTorch.</param>
public sealed partial record BatchNorm(float Epsilon = 1e-5f, float Momentum = 0.1f) : Operation
{
    /// <inheritdoc/>
    public override string Name => "batch_norm";

    internal override LayerCaption CaptionFor(Shape input) => new(LayerLook.Function, "batch norm");

    internal override Shape ShapeOf(string name, ReadOnlySpan<Shape> inputs)
    {
        Rules.Require(float.IsFinite(Epsilon) && Epsilon >= 0 && float.IsFinite(Momentum), $"{name}: an epsilon of {Epsilon} and a momentum of {Momentum}");
        return inputs[0];
    }

    internal override ImmutableArray<Parameter> ParametersOf(ReadOnlySpan<Shape> inputs) =>
    [
        new("weight", ParameterKind.NormWeight, [inputs[0].Channels]),
        new("bias", ParameterKind.NormBias, [inputs[0].Channels]),
        new("running_mean", ParameterKind.RunningMean, [inputs[0].Channels]),
        new("running_var", ParameterKind.RunningVariance, [inputs[0].Channels]),
    ];

    /// <summary>An affine that whoever reads the convolution's output applies.</summary>
    internal override Channel[] Lower(LoweredNetwork lowering, Layer layer, Channel[][] inputs) =>
        lowering.Normalise(layer, inputs[0], Epsilon, Momentum);

    internal override (double[] Scale, double[] Shift)? AffineOf(Func<int, float[]> parameter)
    {
        var (weight, bias, mean, variance) = (parameter(0), parameter(1), parameter(2), parameter(3));
        double[] scale = [.. weight.Zip(variance, (w, v) => w / Math.Sqrt((double)v + Epsilon))];
        return (scale, [.. bias.Select((b, c) => b - mean[c] * scale[c])]);
    }

    internal override VectorStep OnVector(double[] input, Func<int, float[]> parameter)
    {
        var (scale, shift) = AffineOf(parameter)!.Value;
        return VectorStep.Each(input, (c, x) => (scale[c] * x + shift[c], scale[c]));
    }
}
