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

    internal override Shape ShapeOf(string name, ReadOnlySpan<Shape> inputs)
    {
        Rules.Require(Groups > 0 && inputs[0].Channels % Groups == 0, $"channel shuffle: {Groups} groups do not divide {inputs[0].Channels} channels");
        return inputs[0];
    }

    /// <summary>Channel g·(C/groups) + i moves to i·groups + g: another order of the same channels.</summary>
    internal override Channel[] Lower(LoweredNetwork lowering, Layer layer, Channel[][] inputs)
    {
        var (source, width) = (inputs[0], inputs[0].Length / Groups);
        return [.. Enumerable.Range(0, source.Length).Select(c => source[c % Groups * width + c / Groups])];
    }
}
