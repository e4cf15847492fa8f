namespace Riffle.Networks;

/// <summary>Channels Start to Start + Count − 1 of the input.</summary>
/// <param name="Start">The first.</param>
/// <param name="Count">How many.</param>
public sealed record Slice(int Start, int Count) : Operation
{
    /// <inheritdoc/>
    public override string Name => "slice";

    internal override LayerCaption CaptionFor(Shape input) => new(LayerLook.Part, "Channel split");

    internal override Shape ShapeOf(string name, ReadOnlySpan<Shape> inputs)
    {
        Rules.Require(
            Start >= 0 && Count > 0 && (long)Start + Count <= inputs[0].Channels,
            $"slice: channels {Start} to {(long)Start + Count - 1} of {inputs[0].Channels}");
        return inputs[0] with { Channels = Count };
    }

    /// <summary>Some of the same channels.</summary>
    internal override Channel[] Lower(LoweredNetwork lowering, Layer layer, Channel[][] inputs) => inputs[0][Start..(Start + Count)];

    internal override bool IsNonNegative(bool inputsAre) => inputsAre;

    internal override string WriteOnnx(IOnnxGraph graph, Layer layer) => graph.Node(
        "Slice", layer.Name,
        [
            .. graph.Inputs(layer), graph.Integers($"{layer.Name}.starts", Start), graph.Integers($"{layer.Name}.ends", Start + Count),
            graph.Integers($"{layer.Name}.axes", 1),
        ]);
}
