using System.Collections.Immutable;

namespace Riffle.Networks;

/// <summary>A fully connected layer with bias over C×1×1: the classifier.</summary>
/// <param name="Outputs">Channels out.</param>
public sealed partial record FullyConnected(int Outputs) : Operation
{
    /// <inheritdoc/>
    public override string Name => "fully_connected";

    internal override LayerCaption CaptionFor(Shape input) => new(LayerLook.Product, "Fully connected");

    internal override Shape ShapeOf(string name, ReadOnlySpan<Shape> inputs)
    {
        Rules.Require(inputs[0] is { Height: 1, Width: 1 } && Outputs > 0, $"{name}: needs C×1×1 and at least one output, got {inputs[0]} and {Outputs}");
        Rules.RequireCount(name, Outputs, inputs[0].Channels);
        return new(Outputs, 1, 1);
    }

    internal override ImmutableArray<Parameter> ParametersOf(ReadOnlySpan<Shape> inputs) =>
    [
        new("weight", ParameterKind.Kernel, [Outputs, inputs[0].Channels]),
        new("bias", ParameterKind.Bias, [Outputs]),
    ];

    internal override Operation WithOutputs(int count) => this with { Outputs = count };

    internal override long MacsOf(Layer layer) => layer.Parameters[0].Count;

    internal override Channel[] Lower(LoweredNetwork lowering, Layer layer, Channel[][] inputs) =>
        lowering.AddStep(layer, new Product(Kernel: 1, Stride: 1, default, Groups: 1), inputs);

    internal override VectorStep OnVector(double[] input, Func<int, float[]> parameter) => VectorStep.Product(input, parameter(0), parameter(1));
}
