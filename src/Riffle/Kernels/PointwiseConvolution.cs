using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// Grouped pointwise (1×1) convolution; the fully connected layer is one over 1×1 images.
/// <code>
/// x    [C][H·W·16]   planes of the input, anywhere     w [O][C/g]
/// y    [O][H·W·16]   planes of the output, in one run
/// </code>
/// A chunk of positions of one group is read once into the L2 cache, with its deferred affine applied on the way, and multiplied as a matrix product.
/// </summary>
internal readonly unsafe struct PointwiseConvolution
{
    /// <summary>Longest chunk of positions, in floats: long runs to read, and few horizontal sums for the gradient with respect to the weights.</summary>
    private const int LongestChunk = 1024;

    /// <summary>Floats of the rows that a product sees at a time: 192 KB, within the smallest L2 cache there is.</summary>
    private const int ChunkFloats = 48 * 1024;

    /// <summary>Floats of both chunks of backward together; what is beyond the L2 cache is read in long runs.</summary>
    private const int BothChunksFloats = 192 * 1024;

    /// <summary>Floats of x that a product in inference works on at a time, so that they stay in the L1 cache from tile to tile.</summary>
    private const int PartFloats = 3 * 1024;

    /// <summary>
    /// Least depth and width of a product for which inference packs its parts. They are then as long as a tile is wide, and too large for the L1 cache: a tile
    /// reads one run of memory from L2 instead of a short one for each channel.
    /// </summary>
    private const int LeastPackedDepth = 100, LeastPackedWidth = 36, PackedPart = 64;

    /// <summary>Planes of the input in the order of its channels.</summary>
    public readonly int* Input { get; init; }

    /// <summary>First plane of the output.</summary>
    public readonly int Output { get; init; }

    /// <summary>C.</summary>
    public readonly int InputChannels { get; init; }

    /// <summary>O.</summary>
    public readonly int OutputChannels { get; init; }

    /// <summary>g.</summary>
    public readonly int Groups { get; init; }

    /// <summary>H·W·16.</summary>
    public readonly int PlaneSize { get; init; }

    /// <summary>Weights by group in the order of <see cref="MatrixProduct.Pack"/>.</summary>
    public readonly float* Packed { get; init; }

    /// <summary>Transposed weights by group in the same order, for the gradient with respect to the input.</summary>
    public readonly float* PackedTransposed { get; init; }

    /// <summary>
    /// Where rows of x begin: in training those of a chunk (<see cref="ChunkOffsets"/>), in inference those of the input, in the block's memory.
    /// </summary>
    public readonly long* Offsets { get; init; }

    /// <summary>O·C/g.</summary>
    public int WeightCount => OutputChannels * GroupInput;

    /// <summary>Where rows of a packed part begin in scratch, in inference (<see cref="PartOffsets"/>).</summary>
    public readonly long* Parts { get; init; }

    /// <summary>Floats of scratch that one thread needs in inference.</summary>
    public long InferenceScratch => IsPacked ? (long)GroupInput * PackedPart : 0;

    private bool IsPacked => GroupInput >= LeastPackedDepth && GroupOutput >= LeastPackedWidth;

    private int GroupInput => InputChannels / Groups;

    private int GroupOutput => OutputChannels / Groups;

    /// <summary>Floats of scratch that one thread needs for both directions.</summary>
    public long Scratch => RowFloats + (IsOneChunk ? OuterProduct.Scratch(GroupOutput, GroupInput, PlaneSize) : 0);

    /// <summary>Floats of the rows of both chunks, and of a tile of gradients.</summary>
    private long RowFloats => (long)(GroupInput + GroupOutput + MatrixProduct.MostRows) * ChunkStride;

    /// <summary>Whether a plane is one chunk in backward: then the gradient with respect to the weights is added at once.</summary>
    public bool IsOneChunk => ChunkLength >= PlaneSize;

    /// <summary>Positions in a chunk, in floats.</summary>
    private int ChunkLength => Cut(BothChunksFloats / (GroupInput + GroupOutput));

    /// <summary>Rows of a chunk are a cache line further apart than they are long: at powers of two they would share few sets of the L1 cache.</summary>
    private int ChunkStride => ChunkLength + Lanes.Count;

    /// <summary>A plane in nearly equal parts that are not longer than this, nor than the longest chunk.</summary>
    private int Cut(int longest)
    {
        longest = Math.Clamp(longest, 4 * Lanes.Count, LongestChunk);
        var count = (PlaneSize + longest - 1) / longest;
        return ((PlaneSize + count - 1) / count + Lanes.Count - 1) / Lanes.Count * Lanes.Count;
    }

    /// <summary>Where the rows of a chunk begin.</summary>
    public long[] ChunkOffsets()
    {
        long stride = ChunkStride;
        return [.. Enumerable.Range(0, Math.Max(GroupInput, GroupOutput)).Select(row => row * stride)];
    }

    /// <summary>Where the rows of a packed part begin.</summary>
    public long[] PartOffsets() => [.. Enumerable.Range(0, GroupInput).Select(row => (long)row * PackedPart)];

    /// <summary>Brings w [O][C/g] into both packed orders. Once a step.</summary>
    public void Pack(float* weights)
    {
        for (var g = 0; g < Groups; g++)
        {
            var offset = (long)g * GroupOutput * GroupInput;
            MatrixProduct.Pack(weights + offset, GroupInput, 1, GroupOutput, GroupInput, Packed + offset);
            if (PackedTransposed != null)
                MatrixProduct.Pack(weights + offset, 1, GroupInput, GroupInput, GroupOutput, PackedTransposed + offset);
        }
    }

    /// <summary>y = w · x; gathers Σy and Σy² where batch norm follows.</summary>
    public void Forward<TVec>(in Planes planes, in Block block, float* scratch, bool gatherSums, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireGroups(Groups, InputChannels, OutputChannels);
        Contract.RequireLanes(PlaneSize);
        Contract.RequireScratch(scratch, Scratch);
        int chunk = Math.Min(ChunkLength, Cut(ChunkFloats / GroupInput)), stride = ChunkStride;
        var x = new Rows(scratch, Offsets);
        for (var g = 0; g < Groups; g++)
        {
            if (share.In(g, GroupOutput) is not { } ofGroup)
                continue;
            var input = Input + g * GroupInput;
            var packed = Packed + (long)g * GroupOutput * GroupInput;
            for (var start = 0; start < PlaneSize; start += chunk)
            {
                var length = Math.Min(chunk, PlaneSize - start);
                for (var c = 0; c < GroupInput; c++)
                    PlaneAccess.Read<TVec>(planes, block, input[c], start, length, scratch + (long)c * stride);
                var epilogue = new OutputPlanes<TVec>(planes, block, Output + g * GroupOutput, start, length, PlaneSize, gatherSums);
                MatrixProduct.Multiply<TVec, OutputPlanes<TVec>>(packed, GroupOutput, GroupInput, x, length, epilogue, ofGroup);
            }
        }
    }

    /// <summary>dw (+)= dy · xᵀ and dx = wᵀ · dy.</summary>
    /// <param name="planes">All planes.</param>
    /// <param name="block">The block of images.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    /// <param name="weightGradient">dw [O][C/g].</param>
    /// <param name="accumulate">Whether dw is added to or overwritten.</param>
    /// <param name="writes">What dx means for each input plane; null where nobody wants it.</param>
    /// <param name="share">
    /// The planes of the input that are computed, between two of the <see cref="MatrixProduct.Edges"/>; of dw it is the same share, by its columns or by its rows.
    /// </param>
    public void Backward<TVec>(
        in Planes planes, in Block block, float* scratch, float* weightGradient, bool accumulate, GradientWrite* writes, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireGroups(Groups, InputChannels, OutputChannels);
        Contract.RequireLanes(PlaneSize);
        Contract.RequireScratch(scratch, Scratch);
        int chunk = ChunkLength, part = Math.Min(chunk, Cut(ChunkFloats / GroupOutput)), stride = ChunkStride;
        var dy = new Rows(scratch, Offsets);
        var x = new Rows(dy.First + (long)GroupOutput * stride, Offsets);
        var dx = x.First + (long)GroupInput * stride;
        var isOuter = IsOneChunk && OuterProduct.IsFaster<TVec>(GroupOutput, GroupInput, PlaneSize);
        for (var g = 0; g < Groups; g++)
        {
            if (share.In(g, GroupInput) is not { } ofGroup)
                continue;
            var (from, end) = (ofGroup.From, ofGroup.EndOf(GroupInput));
            var rows = isOuter ? new Share(from * GroupOutput / GroupInput, end * GroupOutput / GroupInput) : default;
            var input = Input + g * GroupInput;
            var output = Output + g * GroupOutput;
            var weights = (long)g * GroupOutput * GroupInput;
            for (var start = 0; start < PlaneSize; start += chunk)
            {
                var length = Math.Min(chunk, PlaneSize - start);
                for (var o = 0; o < GroupOutput; o++)
                    PlaneAccess.ReadGradient<TVec>(planes, block, output + o, start, length, dy.First + (long)o * stride);
                for (var c = isOuter ? 0 : from; c < (isOuter ? GroupInput : end); c++)
                    PlaneAccess.Read<TVec>(planes, block, input[c], start, length, x.First + (long)c * stride);
                if (!isOuter)
                {
                    TransposedProduct.Multiply<TVec>(
                        dy, GroupOutput, x.From(from), end - from, length, weightGradient + weights + from, GroupInput, accumulate || start > 0);
                }
                else if (rows.From < rows.To)
                {
                    OuterProduct.Multiply<TVec>(dy, GroupOutput, x, GroupInput, length, weightGradient + weights, accumulate, scratch + RowFloats, rows);
                }

                if (writes == null)
                    continue;
                for (var at = 0; at < length; at += part)
                {
                    var partLength = Math.Min(part, length - at);
                    var epilogue = new InputGradients<TVec>(planes, block, input, writes + g * GroupInput, start + at, partLength, dx, stride);
                    MatrixProduct.Multiply<TVec, InputGradients<TVec>>(
                        PackedTransposed + weights, GroupInput, GroupOutput, new Rows(dy.First + at, Offsets), partLength, epilogue, ofGroup);
                }
            }
        }
    }

    /// <summary>y = clamp(w · x + bias + residual) in inference, or y = function(w · x + bias), from plane to plane.</summary>
    /// <param name="planes">Offsets, and of the output's planes the bias (shift) and the clamp.</param>
    /// <param name="data">The block's activations.</param>
    /// <param name="scratch">At least <see cref="InferenceScratch"/> floats.</param>
    /// <param name="outputStride">Distance between planes of the output.</param>
    /// <param name="residual">Where the planes that are added begin, one for each output channel; null without.</param>
    /// <param name="function">A smooth activation of a run of floats; null without.</param>
    /// <param name="share">The planes of y to compute, between two of the <see cref="MatrixProduct.Edges"/>.</param>
    public void Infer<TVec>(
        in Planes planes, float* data, float* scratch, long outputStride, long* residual = null, delegate*<float*, float*, int, void> function = null,
        Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireGroups(Groups, InputChannels, OutputChannels);
        var size = (PlaneSize + TVec.Count - 1) / TVec.Count * TVec.Count;
        Contract.RequireScratch(scratch, InferenceScratch);
        var part = IsPacked ? PackedPart : Math.Clamp(PartFloats / GroupInput / 32 * 32, 32, LongestChunk);
        for (var g = 0; g < Groups; g++)
        {
            if (share.In(g, GroupOutput) is not { } ofGroup)
                continue;
            var packed = Packed + (long)g * GroupOutput * GroupInput;
            var first = g * GroupOutput;
            var output = data + planes.Offset[Output + first];
            for (var start = 0; start < size; start += part)
            {
                var x = new Rows(data + start, Offsets + (long)g * GroupInput);
                var length = Math.Min(part, size - start);
                if (IsPacked)
                    x = PackPart<TVec>(x, length, scratch);
                float* target = output + start, bias = planes.Shift + Output + first;
                var clamp = planes.Clamp[Output + first];
                if (residual == null)
                {
                    FinalPlanes.Multiply<TVec>(packed, GroupOutput, GroupInput, x, length, target, outputStride, bias, clamp, function, ofGroup);
                    continue;
                }

                // ReLU is behind the sum, so nothing is cut off before.
                var product = new FinalPlanes<Unbounded>(target, outputStride, bias, Clamp.None);
                MatrixProduct.Multiply<TVec, FinalSums<TVec>>(
                    packed, GroupOutput, GroupInput, x, length, new(product, clamp, data + start, residual + first, length), ofGroup);
            }
        }
    }

    /// <summary>A part of the rows of x, side by side in scratch.</summary>
    private Rows PackPart<TVec>(in Rows x, int length, float* scratch)
        where TVec : unmanaged, IVec<TVec>
    {
        for (var row = 0; row < GroupInput; row++)
        {
            float* from = x.First + x.Offsets[row], to = scratch + Parts[row];
            for (var i = 0; i < length; i += TVec.Count)
                TVec.Store(to + i, TVec.Load(from + i));
        }

        return new(scratch, Parts);
    }
}
