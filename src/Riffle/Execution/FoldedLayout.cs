using Riffle.Kernels;
using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>
/// Where every value of a folded network lies in the memory of a block, and in which form: as planes of sixteen images [C][P][16], as planes of one image
/// [C][P], or, where the planes of one image are small, with sixteen channels side by side [C/16][P][16] ("channel lanes"). Values share memory as soon as they
/// can.
/// </summary>
internal sealed unsafe class FoldedLayout
{
    private readonly HashSet<LoweredTensor> _inLanes;
    private readonly Dictionary<LoweredTensor, Place> _places = [];
    private readonly Dictionary<(int Step, int Input), Bridge> _bridges = [];

    /// <summary>By the index of a sum, the convolution before it that could write it; by that of a convolution, the sum that it does write.</summary>
    private readonly LoweredStep?[] _convolutionBefore, _sumOf;

    /// <param name="network">The network.</param>
    /// <param name="lanes">L, images in a block: 16 or 1.</param>
    /// <param name="mostPositionsInLanes">Values of one image with so many positions or fewer have their channels side by side.</param>
    /// <param name="allocate">Gives as many zeroed bytes as asked for; they belong to the caller.</param>
    public FoldedLayout(Network network, int lanes, int mostPositionsInLanes, Func<long, nint> allocate)
    {
        LaneCount = lanes;
        Network = network;
        Lowered = new LoweredNetwork(network);
        _inLanes = FindLanes(lanes == 1 ? mostPositionsInLanes : 0);
        Planes = Planes.Create(Lowered.PlaneCount, allocate);
        for (var p = 0; p < Lowered.PlaneCount; p++)
            Planes.Clamp[p] = Lowered.KernelClampOf(p);
        (_convolutionBefore, _sumOf) = (new LoweredStep?[Lowered.Steps.Count], new LoweredStep?[Lowered.Steps.Count]);
        foreach (var step in Lowered.Steps)
        {
            if (SumBehind(step) is { } sum)
                _convolutionBefore[sum.Index] ??= step;
        }

        var layout = new MemoryLayout();
        foreach (var tensor in Lowered.Tensors)
        {
            if (InChannelLanes(tensor))
                PlaceLanes(tensor, layout);
            else
                PlacePlanes(tensor, layout);
        }

        DataSize = (layout.Size + 63) / 64 * 64;
    }

    public Network Network { get; }

    public LoweredNetwork Lowered { get; }

    /// <summary>L.</summary>
    public int LaneCount { get; }

    /// <summary>Where each plane begins, or each channel with its first position, and with which clamp it is written.</summary>
    public Planes Planes { get; }

    /// <summary>Floats of one block.</summary>
    public long DataSize { get; }

    /// <summary>Whether a value has its channels side by side.</summary>
    public bool InChannelLanes(LoweredTensor tensor) => _inLanes.Contains(tensor);

    /// <summary>Where a value lies.</summary>
    public Place PlaceOf(LoweredTensor tensor) => _places[tensor];

    /// <summary>The step of the sum that a convolution writes in place of its own output; null for others.</summary>
    public LoweredStep? SumOf(LoweredStep step) => _sumOf[step.Index];

    /// <summary>Whether a sum is written by the convolution before it.</summary>
    public bool IsWrittenBefore(LoweredStep sum) => WriterOf(sum.Index) is not null;

    /// <summary>How planes that a step of channel lanes reads come side by side; null where they are.</summary>
    public Bridge? BridgeOf(LoweredStep step, int input) => _bridges.GetValueOrDefault((step.Index, input));

    /// <summary>Where each channel that a step reads lies, behind its bridge if it has one.</summary>
    public long[] Channels(LoweredStep step, int input) =>
        BridgeOf(step, input) is { } bridge
            ? [.. Enumerable.Range(0, step.Inputs[input].Length).Select(c => bridge.Target + InLanes(c, bridge.Positions))]
            : OffsetsOf(step.Inputs[input]);

    /// <summary>The blocks of channel lanes that a step reads, each once.</summary>
    public long[] Blocks(LoweredStep step) => [.. Channels(step, 0).Select(BlockAt).Distinct().Order()];

    /// <summary>Where planes begin.</summary>
    public long[] OffsetsOf(int[] planes) => [.. planes.Select(plane => Planes.Offset[plane])];

    /// <summary>
    /// Where blocks lie that hold, lane by lane, what is added to each block of a convolution's output; null where they do not fall together.
    /// </summary>
    public static long[]? AlignedAddends(long[] addends, Place place)
    {
        var blocks = new long[place.Blocks];
        Array.Fill(blocks, -1);
        for (var c = 0; c < addends.Length; c++)
        {
            var (block, lane) = Math.DivRem(place.Lanes[c], Lanes.Count);
            if (addends[c] % Lanes.Count != lane || (blocks[block] >= 0 && blocks[block] != BlockAt(addends[c])))
                return null;
            blocks[block] = BlockAt(addends[c]);
        }

        return blocks;
    }

    /// <summary>
    /// Planes are a cache line further apart than they are long: at powers of two the same position of all channels would fall into a few sets of the cache,
    /// and the last vector of a plane of one image may reach behind it.
    /// </summary>
    private void PlacePlanes(LoweredTensor tensor, MemoryLayout layout)
    {
        if (tensor.Step >= 0)
            MergeSum(Lowered.Steps[tensor.Step]);
        var size = (long)tensor.Positions * LaneCount;
        var stride = tensor.Step < 0 && LaneCount > 1 ? size : RoundUp(size + Lanes.Count);
        var offset = layout.Place(RoundUp(tensor.Channels * stride + Lanes.Count), Born(tensor), tensor.LastReader);
        _places.Add(tensor, new Place(offset, stride, tensor.Channels, []));
        for (var c = 0; c < tensor.Channels; c++)
            Planes.Offset[tensor.FirstPlane + c] = offset + c * stride;
    }

    /// <summary>
    /// Each group of a convolution begins with a block of its own; what works channel by channel leaves channels in the lanes where they are.
    /// </summary>
    private void PlaceLanes(LoweredTensor tensor, MemoryLayout layout)
    {
        var step = Lowered.Steps[tensor.Step];
        var isStem = step.Primitive is Product { IsPointwise: false, Groups: 1 };
        var ownsImages = isStem && step.Inputs[0].All(plane => Lowered.TensorOf(plane).Step < 0);
        for (var input = 0; input < step.Inputs.Length && !ownsImages; input++)
        {
            var source = Lowered.TensorOf(step.Inputs[input][0]);
            if (InChannelLanes(source))
                continue;
            var size = RoundUp(step.Inputs[input].Length) * source.Positions;
            _bridges.Add((step.Index, input), new Bridge(OffsetsOf(step.Inputs[input]), source.Positions, layout.Place(size, tensor.Step, tensor.Step)));
        }

        int[] lanes;
        int count;
        switch (step.Primitive)
        {
            case Product product:
                var width = tensor.Channels / product.Groups;
                lanes = [.. Enumerable.Range(0, tensor.Channels).Select(c => (int)RoundUp(width) * (c / width) + c % width)];
                count = (int)RoundUp(width) * (tensor.Channels / width) / Lanes.Count;
                break;
            case Networks.Sum when _convolutionBefore[step.Index] is { } convolution:
                (lanes, count) = (PlaceOf(convolution.Output!).Lanes, PlaceOf(convolution.Output!).Blocks);
                var other = step.Inputs[step.Inputs[0][0] == convolution.Output!.FirstPlane ? 1 : 0];
                if (AlignedAddends(OffsetsOf(other), PlaceOf(convolution.Output)) != null)
                    _sumOf[convolution.Index] = step;
                break;
            default:
                var channels = Channels(step, 0);
                var blocks = Blocks(step).ToList();
                lanes = [.. channels.Select(at => blocks.IndexOf(BlockAt(at)) * Lanes.Count + (int)(at % Lanes.Count))];
                count = blocks.Count;
                break;
        }

        var stride = (long)tensor.Positions * Lanes.Count;
        var offset = layout.Place(count * stride, Born(tensor), tensor.LastReader);
        _places.Add(tensor, new Place(offset, stride, count, lanes));
        for (var c = 0; c < tensor.Channels; c++)
            Planes.Offset[tensor.FirstPlane + c] = offset + InLanes(lanes[c], tensor.Positions);
    }

    /// <summary>
    /// Small values; but not those that padding makes large again, for channels that are side by side stay so to the end; not those that are read together with
    /// planes, as one input; and not the mean of a large plane, which is a sum where the plane lies.
    /// </summary>
    private HashSet<LoweredTensor> FindLanes(int mostPositions)
    {
        var small = Lowered.Tensors.Where(tensor => tensor.Step >= 0 && tensor.Positions <= mostPositions).ToHashSet();
        for (var before = -1; before != small.Count;)
        {
            before = small.Count;
            foreach (var step in Lowered.Steps.Reverse())
            {
                foreach (var input in step.Inputs.Select(planes => planes.Select(Lowered.TensorOf).ToHashSet()))
                {
                    var isPlanes = !input.IsSubsetOf(small);
                    if (isPlanes && step is { Primitive: Mean, Output: { } mean })
                        small.Remove(mean);
                    if (isPlanes || (step.Output is { } output && !small.Contains(output)))
                        small.ExceptWith(input);
                }
            }
        }

        return small;
    }

    private void MergeSum(LoweredStep step)
    {
        if (_convolutionBefore[step.Index] is { } convolution)
            _sumOf[convolution.Index] = step;
    }

    /// <summary>A sum lives from the convolution on that writes it.</summary>
    private int Born(LoweredTensor tensor) => tensor.Step < 0 ? tensor.Step : WriterOf(tensor.Step)?.Index ?? tensor.Step;

    /// <summary>The convolution that writes a step's sum in the place of its own output; null for others.</summary>
    private LoweredStep? WriterOf(int step) => _convolutionBefore[step] is { } convolution && _sumOf[convolution.Index]?.Index == step ? convolution : null;

    /// <summary>The sum that a convolution's output is wholly and only added to, while what it is added to is there already; null without.</summary>
    private LoweredStep? SumBehind(LoweredStep step)
    {
        if (step is not { Primitive: Product { IsPointwise: true }, Output: { } output })
            return null;
        if (output.FirstReader != output.LastReader || Lowered.Steps[output.FirstReader] is not { Primitive: Networks.Sum } sum)
            return null;
        var own = Array.FindIndex(sum.Inputs, planes => planes[0] == output.FirstPlane);
        return own >= 0
            && sum.Inputs[own].SequenceEqual(Enumerable.Range(output.FirstPlane, output.Channels))
            && !Lowered.IsClamped(output.FirstPlane)
            && sum.Inputs[1 - own].All(plane => Lowered.TensorOf(plane).Step < output.Step)
            ? sum
            : null;
    }

    private static long RoundUp(long floats) => (floats + Lanes.Count - 1) / Lanes.Count * Lanes.Count;

    private static long BlockAt(long offset) => offset / Lanes.Count * Lanes.Count;

    private static long InLanes(int lane, int positions) => (long)(lane / Lanes.Count) * positions * Lanes.Count + lane % Lanes.Count;

    /// <summary>Where a value lies.</summary>
    /// <param name="Offset">Its first float.</param>
    /// <param name="Stride">Distance between its planes, or between its blocks of sixteen channels.</param>
    /// <param name="Blocks">Planes, or blocks.</param>
    /// <param name="Lanes">In channel lanes, 16 · block + lane of each channel.</param>
    public sealed record Place(long Offset, long Stride, int Blocks, int[] Lanes);

    /// <summary>Planes that are brought side by side.</summary>
    /// <param name="Planes">Where each of them begins.</param>
    /// <param name="Positions">Their size.</param>
    /// <param name="Target">Where the blocks of sixteen channels go.</param>
    public sealed record Bridge(long[] Planes, int Positions, long Target);
}
