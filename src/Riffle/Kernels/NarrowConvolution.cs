using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// Grouped pointwise convolution of one image with few positions, in inference; the fully connected layer has one.
/// <code>
/// x    [C][P]   planes of the input, anywhere     w [O][C/g]     P ≤ 6
/// y    [O][P]   planes of the output, in one run
/// </code>
/// Too few positions to lay vectors over, so they lie over output channels and the product has its sides changed: yᵀ[P×O] = xᵀ[P×C] · wᵀ[C×O], with x packed as
/// weights are elsewhere. The weights are read once, as one run of memory: for the fully connected layer that run is what it costs.
/// </summary>
internal readonly unsafe struct NarrowConvolution
{
    /// <summary>Most positions: the rows of a tile.</summary>
    public const int MostPositions = MatrixProduct.MostRows;

    /// <summary>Where the planes of the input begin.</summary>
    public readonly long* Inputs { get; init; }

    /// <summary>C.</summary>
    public readonly int InputChannels { get; init; }

    /// <summary>O.</summary>
    public readonly int OutputChannels { get; init; }

    /// <summary>g.</summary>
    public readonly int Groups { get; init; }

    /// <summary>P.</summary>
    public readonly int Positions { get; init; }

    /// <summary>Output channels computed together: as many vectors as the product's tiles are wide, so that weights are read in one run.</summary>
    public readonly int Together { get; init; }

    /// <summary>w by group as [O/g / together][C/g][together], zero behind O/g.</summary>
    public readonly float* Weights { get; init; }

    /// <summary><see cref="RowOffsets"/>, where the kernel reads them.</summary>
    public readonly long* Offsets { get; init; }

    /// <summary>Floats that <see cref="Weights"/> must hold.</summary>
    public long WeightCount => (long)Groups * Padded * GroupInput;

    /// <summary>Floats of scratch that are needed.</summary>
    public long Scratch => (long)Positions * (GroupInput + Together) + Together;

    private int GroupInput => InputChannels / Groups;

    private int GroupOutput => OutputChannels / Groups;

    private int Padded => (GroupOutput + Together - 1) / Together * Together;

    /// <summary>Where the weights of each input channel begin, for the channels computed together.</summary>
    public long[] RowOffsets()
    {
        long together = Together;
        return [.. Enumerable.Range(0, GroupInput).Select(c => c * together)];
    }

    /// <summary>Brings w [O][C/g] into the order in which it is read.</summary>
    public void Pack(float* weights)
    {
        for (var o = 0; o < OutputChannels; o++)
        {
            var (group, row) = Math.DivRem(o, GroupOutput);
            var column = Weights + ((long)group * Padded + row / Together * Together) * GroupInput + row % Together;
            for (var c = 0; c < GroupInput; c++)
                column[(long)c * Together] = weights[(long)o * GroupInput + c];
        }
    }

    /// <summary>y = max(floor, w · x + bias).</summary>
    /// <param name="bias">One for each output channel.</param>
    /// <param name="floor">The same for all.</param>
    /// <param name="data">The block's activations.</param>
    /// <param name="output">Its first output plane.</param>
    /// <param name="outputStride">Distance between output planes.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    public void Infer<TVec>(float* bias, float floor, float* data, float* output, long outputStride, float* scratch)
        where TVec : unmanaged, IVec<TVec>
    {
        var packed = scratch;
        var columns = scratch + (long)Positions * GroupInput;
        var weights = Weights;
        var sink = new Columns(columns, Together);
        for (var g = 0; g < Groups; g++)
        {
            var inputs = Inputs + (long)g * GroupInput;
            for (var c = 0; c < GroupInput; c++)
            {
                for (var p = 0; p < Positions; p++)
                    packed[c * Positions + p] = data[inputs[c] + p];
            }

            for (var first = 0; first < GroupOutput; first += Together, weights += (long)Together * GroupInput)
            {
                MatrixProduct.Multiply<TVec, Columns>(packed, Positions, GroupInput, new Rows(weights, Offsets), Together, sink);
                for (var o = 0; o < Math.Min(Together, GroupOutput - first); o++)
                {
                    var channel = g * GroupOutput + first + o;
                    for (var p = 0; p < Positions; p++)
                        output[channel * outputStride + p] = Math.Max(floor, columns[p * Together + o] + bias[channel]);
                }
            }
        }
    }

    /// <summary>A row for each position.</summary>
    private readonly struct Columns(float* target, long stride) : IRowSink
    {
        public static bool HasBias => false;

        public float* Bias => null;

        public float Floor => 0;

        public long Stride => stride;

        public float* Target(int row) => target + row * stride;

        public void Written(int row, int count)
        {
        }
    }
}
