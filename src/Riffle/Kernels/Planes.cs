using System.Runtime.CompilerServices;
using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// What is known of every plane of a plan: where it lies in a block of 16 images, and how it is read. A plane is one channel, H·W·16 floats.
/// <list type="bullet">
/// <item>Forward a plane holds raw values x, and is read as clamp(scale · x + shift): batch norm and ReLU, applied on load.</item>
/// <item>Backward it has a gradient plane that holds dz, the gradient with respect to that value before ReLU, and is read as slope-corrected
/// gradient · dz + slope · x + offset: the gradient with respect to x, batch norm's backward applied on load.</item>
/// </list>
/// A value of the network is a list of planes, so channel shuffle, split and concat are other lists: they move nothing.
/// </summary>
internal readonly unsafe struct Planes
{
    /// <summary>Offset of x in a block's activations, in floats.</summary>
    public readonly long* Offset { get; init; }

    /// <summary>Offset of dz in a block's gradients, in floats.</summary>
    public readonly long* GradientOffset { get; init; }

    /// <summary>γ / σ of batch norm, 1 without.</summary>
    public readonly float* Scale { get; init; }

    /// <summary>β − mean · scale of batch norm; the bias of a fully connected layer; else 0.</summary>
    public readonly float* Shift { get; init; }

    /// <summary>What values are cut off at, by ReLU or ReLU6.</summary>
    public readonly Clamp* Clamp { get; init; }

    /// <summary>Whether batch norm is deferred: then x takes part in the gradient with respect to x, and sums are gathered forward and backward.</summary>
    public readonly bool* IsNormed { get; init; }

    /// <summary>A plane whose gradient is this one's own (an addend of a sum), whose backward sums are gathered in its stead; −1 without.</summary>
    public readonly int* Addend { get; init; }

    /// <summary>Mean of x over the batch, which the sums of the gradient are taken around.</summary>
    public readonly float* Mean { get; init; }

    /// <summary>Factor of dz in the gradient with respect to x.</summary>
    public readonly float* GradientScale { get; init; }

    /// <summary>Factor of x in the gradient with respect to x.</summary>
    public readonly float* GradientSlope { get; init; }

    /// <summary>Constant in the gradient with respect to x.</summary>
    public readonly float* GradientShift { get; init; }

    /// <summary>The table for a number of planes, all of which are read as they are until something is deferred on them.</summary>
    /// <param name="count">Number of planes.</param>
    /// <param name="allocate">Allocates zeroed bytes, which belong to the caller.</param>
    public static Planes Create(int count, Func<long, nint> allocate)
    {
        var planes = new Planes
        {
            Offset = (long*)allocate(count * sizeof(long)),
            GradientOffset = (long*)allocate(count * sizeof(long)),
            Scale = (float*)allocate(count * sizeof(float)),
            Shift = (float*)allocate(count * sizeof(float)),
            Clamp = (Clamp*)allocate(count * sizeof(Clamp)),
            IsNormed = (bool*)allocate(count * sizeof(bool)),
            Addend = (int*)allocate(count * sizeof(int)),
            Mean = (float*)allocate(count * sizeof(float)),
            GradientScale = (float*)allocate(count * sizeof(float)),
            GradientSlope = (float*)allocate(count * sizeof(float)),
            GradientShift = (float*)allocate(count * sizeof(float)),
        };
        for (var p = 0; p < count; p++)
        {
            planes.Scale[p] = planes.GradientScale[p] = 1;
            planes.Clamp[p] = Kernels.Clamp.None;
            planes.Addend[p] = -1;
        }

        return planes;
    }
}

/// <summary>Memory of one block of 16 images.</summary>
internal readonly unsafe struct Block
{
    /// <summary>Activations: x of every plane.</summary>
    public readonly float* Data { get; init; }

    /// <summary>Gradients: dz of every plane, in shared places where they do not live at the same time.</summary>
    public readonly float* Gradients { get; init; }

    /// <summary>Two sums of 16 lanes for every plane: forward Σx and Σx², backward Σdz and Σdz·(x − mean).</summary>
    public readonly float* Sums { get; init; }

    /// <summary>The same two sums of every plane over all lanes in use.</summary>
    public readonly double* Totals { get; init; }

    /// <summary>16 floats: 1 for a lane that holds an image, 0 for an unused one.</summary>
    public readonly float* LaneMask { get; init; }

    /// <summary>Whether some lanes hold no image. Lanes in use come first.</summary>
    public bool HasUnusedLanes => LaneMask[Lanes.Count - 1] == 0;

    /// <summary>Sums of a plane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float* SumsOf(int plane) => Sums + (long)plane * 2 * Lanes.Count;

    /// <summary>Totals of a plane.</summary>
    public double* TotalsOf(int plane) => Totals + (long)plane * 2;
}
