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

    /// <summary>Floats of a row of x with its border, as backward keeps it.</summary>
    private int PaddedRow => (Window.Width + 2) * Lanes.Count;

    /// <summary>Floats of scratch that one thread needs for both directions.</summary>
    public long Scratch => Math.Max(Window.Lanes == 1 ? Window.Padded.Size : 0, 2L * (Window.Height + 2) * PaddedRow + Window.OutputRow);

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

    /// <summary>dx = dy at the place of each window's largest value. A whole plane is read, then scattered to, then written: memory is fast in long runs of one kind.</summary>
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
        var size = (Window.Height + 2) * PaddedRow;
        float* input = scratch, dx = input + size, dy = dx + size;
        new Span<float>(input, size).Fill(float.NegativeInfinity);
        new Span<float>(dx, size).Clear();
        int end = share.EndOf(Window.Channels), length = Window.Width * Lanes.Count;
        for (var c = share.From; c < end; c++)
        {
            var plane = PlaneAccess.Reader<TVec>(planes, block, Window.Input[c], 0);
            var largest = block.Data + planes.Offset[Window.Output + c];
            for (var y = 0; y < Window.Height; y++)
                ReadRow<TVec>(plane, y, input + Slot(y));
            for (var y = 0; y < Window.OutputHeight; y++, largest += Window.OutputRow)
            {
                PlaneAccess.ReadGradient<TVec>(planes, block, Window.Output + c, (long)y * Window.OutputRow, Window.OutputRow, dy);
                Scatter<TVec>(input, dx, y * Window.Stride - 1, largest, dy);
            }

            for (var y = 0; y < Window.Height; y++)
                PlaneAccess.AddGradient<TVec>(planes, block, Window.Input[c], (long)y * length, length, dx + Slot(y) + Lanes.Count, writes[c]);
        }
    }

    /// <summary>Where a row lies below the border.</summary>
    private long Slot(int row) => (row + 1) * PaddedRow;

    private void ReadRow<TVec>(DeferredPlane<TVec> plane, int row, float* target)
        where TVec : unmanaged, IVec<TVec>
    {
        long length = Window.Width * Lanes.Count, from = row * length;
        for (var i = 0; i < length; i += TVec.Count)
            TVec.Store(target + Lanes.Count + i, plane.At(from + i));
    }

    /// <summary>
    /// The gradients of a row of windows go to the three rows that it sees. What is left of a window's gradient goes to the first value that is its largest;
    /// then nothing is left. Columns that the next window sees too stay in registers until it has added its part.
    /// </summary>
    private void Scatter<TVec>(float* input, float* dx, int top, float* largest, float* dy)
        where TVec : unmanaged, IVec<TVec>
    {
        int width = Window.OutputWidth, stride = Window.Stride, step = stride * Lanes.Count;
        long first = Slot(top), second = Slot(top + 1), third = Slot(top + 2);

        // The row of windows above has been at the first row, with stride 1 at the second as well.
        var isShared = stride == 1 && top >= 0;
        for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
        {
            TVec left0 = TVec.Zero, left1 = TVec.Zero, left2 = TVec.Zero, middle0 = TVec.Zero, middle1 = TVec.Zero, middle2 = TVec.Zero;
            long at = lane;
            for (var x = 0; x < width; x++, at += step)
            {
                var most = TVec.Load(largest + x * Lanes.Count + lane);
                var rest = TVec.Load(dy + x * Lanes.Count + lane);

                ScatterRow(input + first + at, dx + first + at, stride, isShared: true, most, ref rest, ref left0, ref middle0);
                ScatterRow(input + second + at, dx + second + at, stride, isShared, most, ref rest, ref left1, ref middle1);
                ScatterRow(input + third + at, dx + third + at, stride, isShared: false, most, ref rest, ref left2, ref middle2);
            }

            Put(dx + first + at, isShared: true, left0);
            Put(dx + second + at, isShared, left1);
            Put(dx + third + at, isShared: false, left2);
            if (stride == 2)
                continue;
            at += step;
            Put(dx + first + at, isShared: true, middle0);
            Put(dx + second + at, isShared, middle1);
            Put(dx + third + at, isShared: false, middle2);
        }
    }

    /// <summary>Three values of a window in a row take what is left of its gradient. The columns that no later window sees are complete.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ScatterRow<TVec>(float* values, float* gradients, int stride, bool isShared, TVec most, ref TVec rest, ref TVec left, ref TVec middle)
        where TVec : unmanaged, IVec<TVec>
    {
        Put(gradients, isShared, left + Take(values, most, ref rest));
        var second = middle + Take(values + Lanes.Count, most, ref rest);
        var third = Take(values + 2 * Lanes.Count, most, ref rest);
        if (stride == 2)
        {
            Put(gradients + Lanes.Count, isShared, second);
            left = third;
            return;
        }

        (left, middle) = (second, third);
    }

    /// <summary>What a value takes of a window's gradient: all that is left if it is the largest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVec Take<TVec>(float* value, TVec most, ref TVec rest)
        where TVec : unmanaged, IVec<TVec>
    {
        var x = TVec.Load(value);
        var taken = TVec.WhereAtLeast(x, most, rest, TVec.Zero);
        rest = TVec.WhereAtLeast(x, most, TVec.Zero, rest);
        return taken;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<TVec>(float* gradients, bool isShared, TVec value)
        where TVec : unmanaged, IVec<TVec> => TVec.Store(gradients, isShared ? TVec.Load(gradients) + value : value);

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
