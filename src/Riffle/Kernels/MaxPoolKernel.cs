using System.Runtime.CompilerServices;
using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// Max pooling 3×3 with padding 1. The gradient goes to the first of the largest values of a window, in reading order.
/// <code>
/// x    [C][H][W][16]
/// y    [C][h][w][16]     h = ⌊(H − 1) / stride⌋ + 1
/// </code>
/// </summary>
internal readonly unsafe struct MaxPoolKernel
{
    /// <summary>Input, output and how they lie to each other.</summary>
    public readonly Window Window { get; init; }

    /// <summary>Floats of a row of x with its border, where backward keeps the rows that windows see.</summary>
    private int PaddedRow => (Window.Width + 2) * Lanes.Count;

    /// <summary>Floats of scratch that one thread needs for both directions.</summary>
    public long Scratch => Math.Max(Window.Lanes == 1 ? Window.Padded.Size : 0, 6L * PaddedRow + Window.OutputRow);

    /// <summary>y = largest x of each window.</summary>
    public void Forward<TVec>(in Planes planes, in Block block, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireWindow(Window, isTraining: true);
        var end = share.EndOf(Window.Channels);
        for (var c = share.From; c < end; c++)
        {
            var plane = PlaneAccess.Reader<TVec>(planes, block, Window.Input[c], 0);
            Largest<TVec, DeferredPlane<TVec>>(plane, Clamp.None, block.Data + planes.Offset[Window.Output + c]);
        }
    }

    /// <summary>y = clamp(largest x of each window) in inference.</summary>
    /// <param name="planes">Offsets, and the clamp of the output's planes.</param>
    /// <param name="data">The block's activations.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    /// <param name="share">The planes of y to compute.</param>
    public void Infer<TVec>(in Planes planes, float* data, float* scratch, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireWindow(Window, isTraining: false);
        Contract.RequireScratch(scratch, Scratch);
        var padded = Window.Padded;
        if (Window.Lanes == 1)
            padded.Prepare(scratch, float.NegativeInfinity);
        var end = share.EndOf(Window.Channels);
        for (var c = share.From; c < end; c++)
        {
            var (plane, clamp) = (new FinalPlane<TVec>(data + planes.Offset[Window.Input[c]]), planes.Clamp[Window.Output + c]);
            var target = data + planes.Offset[Window.Output + c];
            if (Window.Lanes > 1)
            {
                Largest<TVec, FinalPlane<TVec>>(plane, clamp, target);
                continue;
            }

            padded.Read<TVec, FinalPlane<TVec>>(plane, scratch, float.NegativeInfinity);
            LargestOfOne<TVec>(padded, scratch, clamp, target);
        }
    }

    /// <summary>dx = dy at the place of each window's largest value. The rows that a row of windows sees stay in the L1 cache, in a ring of three.</summary>
    /// <param name="planes">All planes.</param>
    /// <param name="block">The block of images.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    /// <param name="writes">What dx means for each input plane.</param>
    /// <param name="share">The planes to compute.</param>
    public void Backward<TVec>(in Planes planes, in Block block, float* scratch, GradientWrite* writes, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireWindow(Window, isTraining: true);
        Contract.RequireScratch(scratch, Scratch);
        float* input = scratch, dx = input + 3 * PaddedRow, dy = dx + 3 * PaddedRow;
        var end = share.EndOf(Window.Channels);
        for (var c = share.From; c < end; c++)
        {
            new Span<float>(input, 3 * PaddedRow).Fill(float.NegativeInfinity);
            new Span<float>(dx, 3 * PaddedRow).Clear();
            var plane = PlaneAccess.Reader<TVec>(planes, block, Window.Input[c], 0);
            var largest = block.Data + planes.Offset[Window.Output + c];
            int read = 0, complete = 0;
            for (var y = 0; y < Window.OutputHeight; y++, largest += Window.OutputRow)
            {
                for (; read < Math.Min(Window.Height, y * Window.Stride + 2); read++)
                    ReadRow<TVec>(plane, read, input + Slot(read));
                if (read < y * Window.Stride + 2)
                    new Span<float>(input + Slot(read), PaddedRow).Fill(float.NegativeInfinity);
                PlaneAccess.ReadGradient<TVec>(planes, block, Window.Output + c, (long)y * Window.OutputRow, Window.OutputRow, dy);
                Scatter<TVec>(input, dx, y * Window.Stride - 1, largest, dy);

                // Rows that no later window sees are complete.
                for (; complete < (y + 1 == Window.OutputHeight ? Window.Height : (y + 1) * Window.Stride - 1); complete++)
                {
                    var row = dx + Slot(complete);
                    var length = Window.Width * Lanes.Count;
                    PlaneAccess.AddGradient<TVec>(planes, block, Window.Input[c], (long)complete * length, length, row + Lanes.Count, writes[c]);
                    new Span<float>(row, PaddedRow).Clear();
                }
            }
        }
    }

    /// <summary>Where a row lies in a ring of three.</summary>
    private long Slot(int row) => (row + 3) % 3 * PaddedRow;

    private void ReadRow<TVec>(DeferredPlane<TVec> plane, int row, float* target)
        where TVec : unmanaged, IVec<TVec>
    {
        long length = Window.Width * Lanes.Count, from = row * length;
        for (var i = 0; i < length; i += TVec.Count)
            TVec.Store(target + Lanes.Count + i, plane.At(from + i));
    }

    /// <summary>
    /// The gradients of a row of windows go to the three rows that it sees. What is left of a window's gradient goes to the first value that is its largest;
    /// then nothing is left.
    /// </summary>
    private void Scatter<TVec>(float* input, float* dx, int top, float* largest, float* dy)
        where TVec : unmanaged, IVec<TVec>
    {
        int width = Window.OutputWidth, step = Window.Stride * Lanes.Count;
        long first = Slot(top), second = Slot(top + 1), third = Slot(top + 2);
        for (var x = 0; x < width; x++, largest += Lanes.Count, dy += Lanes.Count, first += step, second += step, third += step)
        {
            for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
            {
                var most = TVec.Load(largest + lane);
                var left = TVec.Load(dy + lane);
                ScatterRow(input + first + lane, dx + first + lane, most, ref left);
                ScatterRow(input + second + lane, dx + second + lane, most, ref left);
                ScatterRow(input + third + lane, dx + third + lane, most, ref left);
            }
        }
    }

    /// <summary>Three values of a window in a row take what is left of its gradient.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ScatterRow<TVec>(float* values, float* gradients, TVec most, ref TVec left)
        where TVec : unmanaged, IVec<TVec>
    {
        for (var i = 0; i < 3 * Lanes.Count; i += Lanes.Count)
        {
            var value = TVec.Load(values + i);
            TVec.Store(gradients + i, TVec.Load(gradients + i) + TVec.WhereAtLeast(value, most, left, TVec.Zero));
            left = TVec.WhereAtLeast(value, most, TVec.Zero, left);
        }
    }

    /// <summary>
    /// Windows over 16 lanes, where they lie. A window that reaches over the border sees the row or column at the border twice instead, which is no larger.
    /// The largest of a column is found once for the windows that share it.
    /// </summary>
    private void Largest<TVec, TPlane>(TPlane plane, Clamp clamp, float* target)
        where TVec : unmanaged, IVec<TVec>
        where TPlane : struct, IPlaneReader<TVec>
    {
        int width = Window.Width, stride = Window.Stride;
        long row = width * Lanes.Count;
        var range = clamp.For<TVec>();
        for (var y = 0; y < Window.OutputHeight; y++, target += Window.OutputRow)
        {
            long top = Math.Max(0, y * stride - 1) * row, centre = y * stride * row, bottom = Math.Min(Window.Height - 1, y * stride + 1) * row;
            for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
            {
                var middle = Column(lane);
                var left = middle;
                for (var x = 0; x < Window.OutputWidth; x++)
                {
                    if (stride == 2 && x > 0)
                        middle = Column(x * 2 * Lanes.Count + lane);
                    var right = Column(Math.Min(width - 1, x * stride + 1) * Lanes.Count + lane);
                    TVec.Store(target + x * Lanes.Count + lane, range.Apply(Max3(left, middle, right)));
                    left = stride == 2 ? right : middle;
                    middle = right;
                }

                [MethodImpl(MethodImplOptions.AggressiveInlining)]
                TVec Column(int at) => Max3(plane.At(top + at), plane.At(centre + at), plane.At(bottom + at));
            }
        }
    }

    /// <summary>Windows over a padded plane of one image.</summary>
    private void LargestOfOne<TVec>(in PaddedPlane padded, float* top, Clamp clamp, float* target)
        where TVec : unmanaged, IVec<TVec>
    {
        int height = Window.OutputHeight, length = Window.OutputRow, middle = padded.Middle, right = padded.Right, rowStep = padded.RowStep;
        var range = clamp.For<TVec>();
        for (var y = 0; y < height; y++, target += length, top += rowStep)
        {
            float* centre = top + padded.Row, bottom = centre + padded.Row;
            for (var i = 0; i < length; i += TVec.Count)
            {
                var first = Max3(TVec.Load(top + i), TVec.Load(centre + i), TVec.Load(bottom + i));
                var between = Max3(TVec.Load(top + middle + i), TVec.Load(centre + middle + i), TVec.Load(bottom + middle + i));
                var last = Max3(TVec.Load(top + right + i), TVec.Load(centre + right + i), TVec.Load(bottom + right + i));
                TVec.Store(target + i, range.Apply(Max3(first, between, last)));
            }
        }
    }

    private static TVec Max3<TVec>(TVec a, TVec b, TVec c)
        where TVec : unmanaged, IVec<TVec> => TVec.Max(TVec.Max(a, b), c);
}
