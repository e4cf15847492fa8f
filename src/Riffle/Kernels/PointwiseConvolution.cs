using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// Grouped pointwise (1×1) convolution; the fully connected layer is one over 1×1 images.
/// <code>
/// x    [C][H·W·16]   planes of the input, anywhere     w [O][C/g]
/// y    [O][H·W·16]   planes of the output, in one run
/// </code>
/// A panel of positions of one group is read once into the L2 cache, normalised on the way, and multiplied as a matrix product.
/// </summary>
internal readonly unsafe struct PointwiseConvolution
{
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

    /// <summary>Transposed weights by group in the same order, for the gradient by the input.</summary>
    public readonly float* PackedTransposed { get; init; }

    private int GroupInput => InputChannels / Groups;

    private int GroupOutput => OutputChannels / Groups;

    /// <summary>Floats of scratch that one thread needs for both directions.</summary>
    public long Scratch => (long)(2 * GroupInput + GroupOutput) * PanelLength;

    /// <summary>Positions in a panel, in floats: 512 make long runs; fewer where the panels of both directions would outgrow half of a 1 MB L2 cache.</summary>
    private int PanelLength => Math.Min(PlaneSize, Math.Clamp(128 * 1024 / (2 * GroupInput + GroupOutput) / 64 * 64, 64, 512));

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
    public void Forward<TVec>(in Planes planes, in Block block, float* scratch, bool gatherSums)
        where TVec : unmanaged, IVec<TVec>
    {
        var panel = PanelLength;
        for (var g = 0; g < Groups; g++)
        {
            var input = Input + g * GroupInput;
            var output = Output + g * GroupOutput;
            var packed = Packed + (long)g * GroupOutput * GroupInput;
            for (var start = 0; start < PlaneSize; start += panel)
            {
                var length = Math.Min(panel, PlaneSize - start);
                for (var c = 0; c < GroupInput; c++)
                    PlaneAccess.Read<TVec>(planes, block, input[c], start, length, scratch + (long)c * length);
                MatrixProduct.Multiply<TVec>(packed, GroupOutput, GroupInput, scratch, length, length, block.Data + planes.Offset[output] + start, PlaneSize);
                if (gatherSums)
                {
                    for (var o = 0; o < GroupOutput; o++)
                        PlaneAccess.GatherSums<TVec>(planes, block, output + o, start, length);
                }
            }
        }
    }

    /// <summary>dw (+)= dy · xᵀ and dx = wᵀ · dy.</summary>
    /// <param name="planes">All planes.</param>
    /// <param name="block">The block of images.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    /// <param name="weightGradient">dw [O][C/g].</param>
    /// <param name="accumulate">Whether dw is added to or overwritten.</param>
    /// <param name="arrivals">What dx means for each input plane; null where nobody wants it.</param>
    public void Backward<TVec>(in Planes planes, in Block block, float* scratch, float* weightGradient, bool accumulate, Arrival* arrivals)
        where TVec : unmanaged, IVec<TVec>
    {
        var panel = PanelLength;
        for (var g = 0; g < Groups; g++)
        {
            var input = Input + g * GroupInput;
            var output = Output + g * GroupOutput;
            var weights = (long)g * GroupOutput * GroupInput;
            for (var start = 0; start < PlaneSize; start += panel)
            {
                var length = Math.Min(panel, PlaneSize - start);
                var dy = scratch;
                var x = dy + (long)GroupOutput * length;
                var dx = x + (long)GroupInput * length;
                for (var o = 0; o < GroupOutput; o++)
                    PlaneAccess.ReadGradient<TVec>(planes, block, output + o, start, length, dy + (long)o * length);
                for (var c = 0; c < GroupInput; c++)
                    PlaneAccess.Read<TVec>(planes, block, input[c], start, length, x + (long)c * length);
                MatrixProduct.MultiplyTransposed<TVec>(dy, GroupOutput, x, GroupInput, length, length, weightGradient + weights, accumulate || start > 0);
                if (arrivals == null)
                    continue;
                MatrixProduct.Multiply<TVec>(PackedTransposed + weights, GroupInput, GroupOutput, dy, length, length, dx, length);
                for (var c = 0; c < GroupInput; c++)
                    PlaneAccess.AddGradient<TVec>(planes, block, input[c], start, length, dx + (long)c * length, arrivals[g * GroupInput + c]);
            }
        }
    }
}
