namespace Riffle.Networks;

/// <summary>Sum of two inputs of the same shape.</summary>
public sealed record Add : Operation
{
    /// <inheritdoc/>
    public override string Name => "add";

    internal override Shape ShapeOf(string name, ReadOnlySpan<Shape> inputs)
    {
        Rules.Require(inputs[0] == inputs[1], $"add: {inputs[0]} and {inputs[1]} differ");
        return inputs[0];
    }

    internal override Channel[] Lower(LoweredNetwork lowering, Layer layer, Channel[][] inputs) => lowering.AddStep(layer, new Sum(), inputs);
}
