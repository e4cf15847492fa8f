namespace Riffle.Networks;

/// <summary>Channel shuffle (Zhang et al., 2017): channel i of group j becomes channel j of position i; channels seen as groups×C/groups are
/// transposed.</summary>
/// <param name="Groups">Number of groups, which divides the channels.</param>
public sealed record ChannelShuffle(int Groups) : Operation
{
    /// <inheritdoc/>
    public override string Name => "channel_shuffle";

    /// <inheritdoc/>
    public override (int? Kernel, int? Stride, int? Groups) Settings => (null, null, Groups);

    internal override LayerCaption CaptionFor(Shape input) => new(LayerLook.Order, "Channel shuffle", $"{Groups} groups");

    internal override IEnumerable<int> SourcesOf(int channel, Shape input) => [SourceOf(channel, input.Channels)];

    internal override Shape ShapeOf(string name, ReadOnlySpan<Shape> inputs)
    {
        Rules.Require(Groups > 0 && inputs[0].Channels % Groups == 0, $"channel shuffle: {Groups} groups do not divide {inputs[0].Channels} channels");
        return inputs[0];
    }

    /// <summary>Channel g·(C/groups) + i moves to i·groups + g: another order of the same channels.</summary>
    internal override Channel[] Lower(LoweredNetwork lowering, Layer layer, Channel[][] inputs)
    {
        var source = inputs[0];
        return [.. Enumerable.Range(0, source.Length).Select(c => source[SourceOf(c, source.Length)])];
    }

    internal override bool IsNonNegative(bool inputsAre) => inputsAre;

    /// <summary>Channels as a matrix of groups × C/groups, transposed. A 0 keeps the number of images.</summary>
    internal override string WriteOnnx(IOnnxGraph graph, Layer layer)
    {
        var (channels, height, width) = layer.Output;
        var matrix = graph.Integers($"{layer.Name}.matrix", 0, Groups, channels / Groups, height, width);
        var groups = graph.Node("Reshape", $"{layer.Name}.groups", [graph.Planes(layer), matrix]);
        var transposed = graph.Node("Transpose", $"{layer.Name}.transposed", [groups], ("perm", (long[])[0, 2, 1, 3, 4]));
        return graph.Node("Reshape", layer.Name, [transposed, graph.Integers($"{layer.Name}.shape", 0, channels, height, width)]);
    }

    private int SourceOf(int channel, int channels) => channel % Groups * (channels / Groups) + channel / Groups;
}
