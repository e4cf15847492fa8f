using System.Globalization;

namespace Riffle.Networks;

/// <summary>min(max(x, 0), maximum): ReLU, or ReLU6 where the maximum is 6.</summary>
/// <param name="Maximum">The largest output value.</param>
public sealed partial record Relu(float Maximum = float.PositiveInfinity) : Operation
{
    /// <inheritdoc/>
    public override string Name => "relu";

    internal override LayerCaption CaptionFor(Shape input) => new(LayerLook.Function, Maximum switch
    {
        float.PositiveInfinity => "ReLU",
        _ => string.Create(CultureInfo.InvariantCulture, $"ReLU{Maximum}"),
    });

    internal override Shape ShapeOf(string name, ReadOnlySpan<Shape> inputs)
    {
        Rules.Require(Maximum > 0, $"{name}: a maximum of {Maximum}");
        return inputs[0];
    }

    /// <summary>A clamp that whoever reads the value applies.</summary>
    internal override Channel[] Lower(LoweredNetwork lowering, Layer layer, Channel[][] inputs) => lowering.Clamp(inputs[0], low: 0, Maximum);

    internal override bool IsNonNegative(bool inputsAre) => true;

    internal override VectorStep OnVector(double[] input, Func<int, float[]> parameter) =>
        VectorStep.Each(input, (_, x) => (Math.Clamp(x, 0, Maximum), x > 0 && x < Maximum ? 1 : 0));
}
