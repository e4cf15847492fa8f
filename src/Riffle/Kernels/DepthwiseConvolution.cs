using System.Runtime.CompilerServices;
using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// Depthwise convolution; average pooling is one whose weights are all 1/k². 3×3 windows with a border of 1 and a stride of 1 or 2 have kernels of their own.
/// <code>
/// x    [C][H][W][16]     w [C][k][k]
/// y    [C][h][w][16]     h = ⌊(H + top + bottom − k) / stride⌋ + 1
/// </code>
/// Each plane is read once into a padded scratch, normalised on the way. A vector holds the same position of several images.
/// </summary>
internal readonly unsafe struct DepthwiseConvolution
{
    /// <summary>Floats of rows that <see cref="SlideInPlace"/> reads for one vector of their lanes after another: half an L1 cache.</summary>
    private const int RowFloats = 4 * 1024;

    /// <summary>Input, output and how they lie to each other.</summary>
    public readonly Window Window { get; init; }

    /// <summary>w, k² for each channel.</summary>
    public readonly float* Weights { get; init; }

    /// <summary>k² where each channel has its own weights, 0 where all share them.</summary>
    public readonly int WeightStride { get; init; }

    /// <summary>dy with zeros around it wherever a window that sees a pixel of x would begin or end outside.</summary>
    private PaddedPlane Output => new(Window.OutputHeight, Window.OutputWidth, stride: 1, Window.Lanes, OutputBorder);

    private Border OutputBorder
    {
        get
        {
            var (k, stride, border) = (Window.Kernel, Window.Stride, Window.Border);
            int Before(int added) => Math.Max(0, (k - 1 - added) / stride);
            int Behind(int length, int added, int outputs) => Math.Max(0, (length - 1 + added) / stride - (outputs - 1));
            return HasOwnKernels
                ? Border.One
                : new(
                    Before(border.Top), Before(border.Left),
                    Behind(Window.Height, border.Top, Window.OutputHeight), Behind(Window.Width, border.Left, Window.OutputWidth));
        }
    }

    /// <summary>Whether the window is 3×3 with a border of 1 and a stride of 1 or 2.</summary>
    private bool HasOwnKernels => Window is { Kernel: 3, Stride: 1 or 2 } && Window.Border == Border.One;

    /// <summary>C·k².</summary>
    public int WeightCount => Window.Channels * Taps;

    private int Taps => Window.Kernel * Window.Kernel;

    private int InputSize => Window.Height * Window.Width * Window.Lanes;

    /// <summary>Floats of scratch that one thread needs for both directions.</summary>
    public long Scratch => Window.Padded.Size + Output.Size + InputSize;

    /// <summary>Average pooling: the mean of each window, border and all.</summary>
    /// <param name="window">Input, output and how they lie to each other.</param>
    /// <param name="weights">k² floats, which are its weights.</param>
    public static DepthwiseConvolution Mean(Window window, float* weights)
    {
        var taps = window.Kernel * window.Kernel;
        new Span<float>(weights, taps).Fill(1f / taps);
        return new() { Window = window, Weights = weights };
    }

    /// <summary>y = w ∗ x; gathers Σy and Σy² where batch norm follows.</summary>
    public void Forward<TVec>(in Planes planes, in Block block, float* scratch, bool gatherSums, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireWindow(Window, isTraining: true);
        Contract.RequireScratch(scratch, Scratch);
        var input = Window.Padded;
        int height = Window.OutputHeight, length = Window.OutputRow;
        float none = 0;
        input.Prepare(scratch, 0);
        var end = share.EndOf(Window.Channels);
        for (var c = share.From; c < end; c++)
        {
            input.Read<TVec, DeferredPlane<TVec>>(PlaneAccess.Reader<TVec>(planes, block, Window.Input[c], 0), scratch, border: 0);
            float* weights = Weights + c * WeightStride, target = block.Data + planes.Offset[Window.Output + c];
            if (Window.Kernel == 3)
                Correlate<TVec, PlaneTaps<TVec>>(scratch, input, weights, &none, Clamp.None, target, height, length);
            else
                CorrelateAny<TVec, PlaneTaps<TVec>>(scratch, input, weights, &none, Clamp.None, target, height, length);
            if (gatherSums)
                PlaneAccess.GatherSums<TVec>(planes, block, Window.Output + c, 0, height * length);
        }
    }

    /// <summary>y = clamp(w ∗ x + bias) in inference, or y = function(w ∗ x + bias).</summary>
    /// <param name="planes">Offsets, and of the output's planes the bias (shift) and the clamp.</param>
    /// <param name="data">The block's activations.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    /// <param name="function">A smooth activation of a run of floats; null without.</param>
    /// <param name="share">The planes of y to compute.</param>
    public void Infer<TVec>(
        in Planes planes, float* data, float* scratch, delegate*<float*, float*, int, void> function = null, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireWindow(Window, isTraining: false);
        Contract.RequireScratch(scratch, Scratch);
        var input = Window.Padded;
        int height = Window.OutputHeight, length = Window.OutputRow;
        Prepare(scratch);
        var end = share.EndOf(Window.Channels);
        for (var c = share.From; c < end; c++)
        {
            var output = Window.Output + c;
            float* weights = Weights + c * WeightStride, bias = planes.Shift + output;
            float* plane = data + planes.Offset[Window.Input[c]], target = data + planes.Offset[output];
            if (IsInPlace)
            {
                SlideInPlace<TVec, PlaneTaps<TVec>>(plane, scratch, weights, bias, planes.Clamp[output], target);
                if (function != null)
                    function(target, target, height * length);
                continue;
            }

            input.Read<TVec, FinalPlane<TVec>>(new(plane), scratch, border: 0);
            if (Window.Kernel == 3)
                Correlate<TVec, PlaneTaps<TVec>>(scratch, input, weights, bias, planes.Clamp[output], target, height, length);
            else
                CorrelateAny<TVec, PlaneTaps<TVec>>(scratch, input, weights, bias, planes.Clamp[output], target, height, length);
            if (function != null)
                function(target, target, height * length);
        }
    }

    /// <summary>
    /// The same for one image whose channels lie side by side: planes hold sixteen channels instead of sixteen images, and w is [C/16][k][k][16].
    /// </summary>
    /// <param name="blocks">Offsets of the planes, and the clamp of the output's.</param>
    /// <param name="data">The image's activations.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    /// <param name="bias">[C/16][16].</param>
    /// <param name="share">The blocks of y to compute.</param>
    public void InferChannels<TVec>(in Planes blocks, float* data, float* scratch, float* bias, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireWindow(Window, isTraining: false);
        Contract.RequireScratch(scratch, Scratch);
        var input = Window.Padded;
        int height = Window.OutputHeight, length = Window.OutputRow;
        Prepare(scratch);
        var end = share.EndOf(Window.Channels);
        for (var c = share.From; c < end; c++)
        {
            var output = Window.Output + c;
            var plane = data + blocks.Offset[Window.Input[c]];
            if (IsInPlace)
            {
                SlideInPlace<TVec, LaneTaps<TVec>>(
                    plane, scratch, Weights + c * WeightStride, bias + c * Lanes.Count, blocks.Clamp[output], data + blocks.Offset[output]);
                continue;
            }

            input.Read<TVec, FinalPlane<TVec>>(new(plane), scratch, border: 0);
            for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
            {
                float* weights = Weights + c * WeightStride + lane, start = bias + c * Lanes.Count + lane, target = data + blocks.Offset[output] + lane;
                if (Window.Kernel == 3)
                    Correlate<TVec, LaneTaps<TVec>>(scratch + lane, input, weights, start, blocks.Clamp[output], target, height, length);
                else
                    CorrelateAny<TVec, LaneTaps<TVec>>(scratch + lane, input, weights, start, blocks.Clamp[output], target, height, length);
            }
        }
    }

    /// <summary>dw (+)= dy ∗ x and dx = the spread of dy by w.</summary>
    /// <param name="planes">All planes.</param>
    /// <param name="block">The block of images.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    /// <param name="weightGradient">dw [C][k][k], or null where the weights are constants.</param>
    /// <param name="accumulate">Whether dw is added to or overwritten.</param>
    /// <param name="writes">What dx means for each input plane.</param>
    /// <param name="share">The planes to compute, with their rows of dw.</param>
    public void Backward<TVec>(
        in Planes planes, in Block block, float* scratch, float* weightGradient, bool accumulate, GradientWrite* writes, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireWindow(Window, isTraining: true);
        Contract.RequireScratch(scratch, Scratch);
        PaddedPlane input = Window.Padded, output = Output;
        var border = OutputBorder;
        float* x = scratch, dy = x + input.Size, dx = dy + output.Size;
        var flipped = stackalloc float[9];
        float none = 0;
        input.Prepare(x, 0);
        output.Prepare(dy, 0);
        var end = share.EndOf(Window.Channels);
        for (var c = share.From; c < end; c++)
        {
            output.ReadGradient<TVec>(planes, block, Window.Output + c, dy);
            if (weightGradient != null)
            {
                input.Read<TVec, DeferredPlane<TVec>>(PlaneAccess.Reader<TVec>(planes, block, Window.Input[c], 0), x, border: 0);
                var target = weightGradient + c * Taps;
                if (!accumulate)
                    new Span<float>(target, Taps).Clear();
                if (HasOwnKernels)
                    WeightGradient<TVec>(x, input, dy + output.Tap(1, 1), output.Row, target);
                else
                    WeightGradientAny<TVec>(x, input, dy + output.Tap(border.Top, border.Left), output.Row, target);
            }

            var weights = Weights + c * WeightStride;
            if (!HasOwnKernels)
            {
                InputGradientAny<TVec>(dy + output.Tap(border.Top, border.Left), output.Row, weights, dx);
            }
            else if (Window.Stride == 1)
            {
                for (var i = 0; i < 9; i++)
                    flipped[i] = weights[8 - i];
                Correlate<TVec, PlaneTaps<TVec>>(dy, output, flipped, &none, Clamp.None, dx, Window.Height, Window.Width * Lanes.Count);
            }
            else
            {
                InputGradientOfStride2<TVec>(dy + output.Tap(1, 1), output.Row, weights, dx);
            }

            PlaneAccess.AddGradient<TVec>(planes, block, Window.Input[c], 0, InputSize, dx, writes[c]);
        }
    }

    /// <summary>Whether inference reads planes where they lie: a position of sixteen lanes needs no float of another.</summary>
    private bool IsInPlace => HasOwnKernels && Window is { Lanes: Lanes.Count, Width: > 1 };

    /// <summary>Scratch for the planes of <see cref="Infer"/>: a row of zeros where they are read in place, else a border of zeros.</summary>
    private void Prepare(float* scratch)
    {
        if (IsInPlace)
            new Span<float>(scratch, Window.Width * Lanes.Count).Clear();
        else
            Window.Padded.Prepare(scratch, 0);
    }

    /// <summary>target = clamp(w ∗ plane + bias) with windows of 3×3; what lies around the plane is read from a row of zeros.</summary>
    private void SlideInPlace<TVec, TTaps>(float* plane, float* zeros, float* weights, float* bias, Clamp clamp, float* target)
        where TVec : unmanaged, IVec<TVec>
        where TTaps : ITaps<TVec>
    {
        // Some rows for each vector of the lanes in turn: they stay in the L1 cache.
        int height = Window.OutputHeight, rows = Math.Max(1, RowFloats / (Window.Stride * Window.Width * Lanes.Count));
        for (var y = 0; y < height; y += rows)
        {
            for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
            {
                var first = TTaps.Distance == 1 ? 0 : lane;
                SlideRows<TVec, TTaps>(plane + lane, zeros, weights + first, bias + first, clamp, target + lane, y, Math.Min(height, y + rows));
            }
        }
    }

    private void SlideRows<TVec, TTaps>(float* plane, float* zeros, float* weights, float* bias, Clamp clamp, float* target, int y, int end)
        where TVec : unmanaged, IVec<TVec>
        where TTaps : ITaps<TVec>
    {
        const int Next = Lanes.Count;
        TVec start = TTaps.Read(bias), low = TVec.Broadcast(clamp.Low), high = TVec.Broadcast(clamp.High);
        var next = TTaps.Distance;
        TVec w0 = TTaps.Read(weights), w1 = TTaps.Read(weights + next), w2 = TTaps.Read(weights + 2 * next);
        TVec w3 = TTaps.Read(weights + 3 * next), w4 = TTaps.Read(weights + 4 * next), w5 = TTaps.Read(weights + 5 * next);
        TVec w6 = TTaps.Read(weights + 6 * next), w7 = TTaps.Read(weights + 7 * next), w8 = TTaps.Read(weights + 8 * next);
        int stride = Window.Stride, step = stride * Next, row = Window.Width * Next;

        // Windows from the second to the last that ends within the plane; at most one more ends behind it.
        int last = (Window.Width - 2) / stride, length = last * Next;
        var hasRight = Window.OutputWidth - 1 > last;
        for (target += (long)y * Window.OutputRow; y < end; y++)
        {
            var at = y * stride;
            var centre = plane + (long)at * row;
            float* top = at == 0 ? zeros : centre - row, bottom = at + 1 == Window.Height ? zeros : centre + row;
            var sum = TVec.MultiplyAdd(w0, TVec.Load(zeros), start);
            var other = w1 * TVec.Load(top);
            TVec.Accumulate(ref sum, w2, TVec.Load(top + Next));
            TVec.Accumulate(ref other, w3, TVec.Load(zeros));
            TVec.Accumulate(ref sum, w4, TVec.Load(centre));
            TVec.Accumulate(ref other, w5, TVec.Load(centre + Next));
            TVec.Accumulate(ref sum, w6, TVec.Load(zeros));
            TVec.Accumulate(ref other, w7, TVec.Load(bottom));
            TVec.Accumulate(ref sum, w8, TVec.Load(bottom + Next));
            TVec.Store(target, TVec.Min(high, TVec.Max(low, sum + other)));
            target += Next;
            top += step - Next;
            centre += step - Next;
            bottom += step - Next;
            for (var stop = target + length; target < stop; target += Next, top += step, centre += step, bottom += step)
            {
                sum = TVec.MultiplyAdd(w0, TVec.Load(top), start);
                other = w1 * TVec.Load(top + Next);
                TVec.Accumulate(ref sum, w2, TVec.Load(top + 2 * Next));
                TVec.Accumulate(ref other, w3, TVec.Load(centre));
                TVec.Accumulate(ref sum, w4, TVec.Load(centre + Next));
                TVec.Accumulate(ref other, w5, TVec.Load(centre + 2 * Next));
                TVec.Accumulate(ref sum, w6, TVec.Load(bottom));
                TVec.Accumulate(ref other, w7, TVec.Load(bottom + Next));
                TVec.Accumulate(ref sum, w8, TVec.Load(bottom + 2 * Next));
                TVec.Store(target, TVec.Min(high, TVec.Max(low, sum + other)));
            }

            if (!hasRight)
                continue;
            sum = TVec.MultiplyAdd(w0, TVec.Load(top), start);
            other = w1 * TVec.Load(top + Next);
            TVec.Accumulate(ref sum, w2, TVec.Load(zeros));
            TVec.Accumulate(ref other, w3, TVec.Load(centre));
            TVec.Accumulate(ref sum, w4, TVec.Load(centre + Next));
            TVec.Accumulate(ref other, w5, TVec.Load(zeros));
            TVec.Accumulate(ref sum, w6, TVec.Load(bottom));
            TVec.Accumulate(ref other, w7, TVec.Load(bottom + Next));
            TVec.Accumulate(ref sum, w8, TVec.Load(zeros));
            TVec.Store(target, TVec.Min(high, TVec.Max(low, sum + other)));
            target += Next;
        }
    }

    /// <summary>target = clamp(w ∗ padded + bias), rows of <paramref name="length"/> floats without borders.</summary>
    private static void Correlate<TVec, TTaps>(
        float* padded, in PaddedPlane plane, float* weights, float* bias, Clamp clamp, float* target, int height, int length)
        where TVec : unmanaged, IVec<TVec>
        where TTaps : ITaps<TVec>
    {
        TVec start = TTaps.Read(bias), low = TVec.Broadcast(clamp.Low), high = TVec.Broadcast(clamp.High);
        var next = TTaps.Distance;
        TVec w0 = TTaps.Read(weights), w1 = TTaps.Read(weights + next), w2 = TTaps.Read(weights + 2 * next);
        TVec w3 = TTaps.Read(weights + 3 * next), w4 = TTaps.Read(weights + 4 * next), w5 = TTaps.Read(weights + 5 * next);
        TVec w6 = TTaps.Read(weights + 6 * next), w7 = TTaps.Read(weights + 7 * next), w8 = TTaps.Read(weights + 8 * next);
        int middle = plane.Middle, right = plane.Right;
        for (var y = 0; y < height; y++, padded += plane.RowStep, target += length)
        {
            float* top = padded, centre = top + plane.Row, bottom = centre + plane.Row;
            for (var i = 0; i < length; i += TTaps.Step)
            {
                var sum = TVec.MultiplyAdd(w0, TVec.Load(top + i), start);
                var other = w1 * TVec.Load(top + middle + i);
                TVec.Accumulate(ref sum, w2, TVec.Load(top + right + i));
                TVec.Accumulate(ref other, w3, TVec.Load(centre + i));
                TVec.Accumulate(ref sum, w4, TVec.Load(centre + middle + i));
                TVec.Accumulate(ref other, w5, TVec.Load(centre + right + i));
                TVec.Accumulate(ref sum, w6, TVec.Load(bottom + i));
                TVec.Accumulate(ref other, w7, TVec.Load(bottom + middle + i));
                TVec.Accumulate(ref sum, w8, TVec.Load(bottom + right + i));
                TVec.Store(target + i, TVec.Min(high, TVec.Max(low, sum + other)));
            }
        }
    }

    /// <summary>The same for windows of any size.</summary>
    private void CorrelateAny<TVec, TTaps>(
        float* padded, in PaddedPlane plane, float* weights, float* bias, Clamp clamp, float* target, int height, int length)
        where TVec : unmanaged, IVec<TVec>
        where TTaps : ITaps<TVec>
    {
        TVec start = TTaps.Read(bias), low = TVec.Broadcast(clamp.Low), high = TVec.Broadcast(clamp.High);
        var kernel = Window.Kernel;
        var columns = stackalloc int[kernel];
        for (var kx = 0; kx < kernel; kx++)
            columns[kx] = plane.Tap(0, kx);
        for (var y = 0; y < height; y++, padded += plane.RowStep, target += length)
        {
            for (var i = 0; i < length; i += TTaps.Step)
            {
                var sum = start;
                var weight = weights;
                for (var ky = 0; ky < kernel; ky++)
                {
                    var row = padded + (long)ky * plane.Row + i;
                    for (var kx = 0; kx < kernel; kx++, weight += TTaps.Distance)
                        TVec.Accumulate(ref sum, TTaps.Read(weight), TVec.Load(row + columns[kx]));
                }

                TVec.Store(target + i, TVec.Min(high, TVec.Max(low, sum)));
            }
        }
    }

    /// <summary>
    /// The gradient with respect to x with stride 2. Rows and columns of x are of two kinds: the even ones lie under the middle of a window, the odd ones under
    /// the edges of two. dy points behind its border, which is zero.
    /// </summary>
    private void InputGradientOfStride2<TVec>(float* dy, int dyRow, float* weights, float* dx)
        where TVec : unmanaged, IVec<TVec>
    {
        TVec w0 = TVec.Broadcast(weights[0]), w1 = TVec.Broadcast(weights[1]), w2 = TVec.Broadcast(weights[2]);
        TVec w3 = TVec.Broadcast(weights[3]), w4 = TVec.Broadcast(weights[4]), w5 = TVec.Broadcast(weights[5]);
        TVec w6 = TVec.Broadcast(weights[6]), w7 = TVec.Broadcast(weights[7]), w8 = TVec.Broadcast(weights[8]);
        const int Next = Lanes.Count;
        int height = Window.Height, width = Window.Width;
        for (var y = 0; y < height; y += 2, dy += dyRow)
        {
            var even = dx + (long)y * width * Lanes.Count;
            var odd = y + 1 < height ? even + width * Lanes.Count : null;
            for (var x = 0; x < width; x += 2)
            {
                for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
                {
                    var at = dy + x / 2 * Lanes.Count + lane;
                    var to = x * Lanes.Count + lane;
                    TVec here = TVec.Load(at), right = TVec.Load(at + Next);
                    TVec.Store(even + to, w4 * here);
                    if (x + 1 < width)
                        TVec.Store(even + to + Next, TVec.MultiplyAdd(w3, right, w5 * here));
                    if (odd == null)
                        continue;
                    TVec below = TVec.Load(at + dyRow), belowRight = TVec.Load(at + dyRow + Next);
                    TVec.Store(odd + to, TVec.MultiplyAdd(w1, below, w7 * here));
                    if (x + 1 < width)
                        TVec.Store(odd + to + Next, TVec.MultiplyAdd(w0, belowRight, w2 * below) + TVec.MultiplyAdd(w6, right, w8 * here));
                }
            }
        }
    }

    /// <summary>
    /// The gradient with respect to x of any window: pixel (y, x) is seen by the outputs (y + top − ky) / stride whose division leaves nothing. dy points behind its border,
    /// which is zero.
    /// </summary>
    private void InputGradientAny<TVec>(float* dy, int dyRow, float* weights, float* dx)
        where TVec : unmanaged, IVec<TVec>
    {
        var (k, stride, top, left) = (Window.Kernel, Window.Stride, Window.Border.Top, Window.Border.Left);
        for (var y = 0; y < Window.Height; y++)
        {
            for (var x = 0; x < Window.Width; x++, dx += Lanes.Count)
            {
                for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
                {
                    var sum = TVec.Zero;
                    for (var ky = (y + top) % stride; ky < k; ky += stride)
                    {
                        var row = dy + (y + top - ky) / stride * dyRow + lane;
                        for (var kx = (x + left) % stride; kx < k; kx += stride)
                            TVec.Accumulate(ref sum, TVec.Broadcast(weights[ky * k + kx]), TVec.Load(row + (x + left - kx) / stride * Lanes.Count));
                    }

                    TVec.Store(dx + lane, sum);
                }
            }
        }
    }

    /// <summary>The gradient with respect to the weights of any window, five taps of a row of the window at a time.</summary>
    private void WeightGradientAny<TVec>(float* x, in PaddedPlane plane, float* dy, int dyRow, float* target)
        where TVec : unmanaged, IVec<TVec>
    {
        const int Together = 5;
        int k = Window.Kernel, height = Window.OutputHeight, length = Window.OutputRow;
        for (var ky = 0; ky < k; ky++)
        {
            for (var kx = 0; kx < k; kx += Together)
            {
                // Taps that the window does not have repeat its last one, and are left out at the end.
                int Column(int tap) => Math.Min(kx + tap, k - 1);
                int a = plane.Tap(ky, kx), b = plane.Tap(ky, Column(1)), c = plane.Tap(ky, Column(2)), d = plane.Tap(ky, Column(3)), e = plane.Tap(ky, Column(4));
                TVec s0 = TVec.Zero, s1 = TVec.Zero, s2 = TVec.Zero, s3 = TVec.Zero, s4 = TVec.Zero;
                float* row = x, gradient = dy;
                for (var y = 0; y < height; y++, row += plane.RowStep, gradient += dyRow)
                {
                    for (var i = 0; i < length; i += TVec.Count)
                    {
                        var value = TVec.Load(gradient + i);
                        TVec.Accumulate(ref s0, value, TVec.Load(row + a + i));
                        TVec.Accumulate(ref s1, value, TVec.Load(row + b + i));
                        TVec.Accumulate(ref s2, value, TVec.Load(row + c + i));
                        TVec.Accumulate(ref s3, value, TVec.Load(row + d + i));
                        TVec.Accumulate(ref s4, value, TVec.Load(row + e + i));
                    }
                }

                ReadOnlySpan<float> sums = [TVec.Sum(s0), TVec.Sum(s1), TVec.Sum(s2), TVec.Sum(s3), TVec.Sum(s4)];
                for (var tap = 0; tap < Math.Min(Together, k - kx); tap++)
                    target[ky * k + kx + tap] += sums[tap];
            }
        }
    }

    private void WeightGradient<TVec>(float* x, in PaddedPlane plane, float* dy, int dyRow, float* target)
        where TVec : unmanaged, IVec<TVec>
    {
        TVec s0 = TVec.Zero, s1 = TVec.Zero, s2 = TVec.Zero, s3 = TVec.Zero, s4 = TVec.Zero, s5 = TVec.Zero, s6 = TVec.Zero, s7 = TVec.Zero, s8 = TVec.Zero;
        int height = Window.OutputHeight, length = Window.OutputRow, middle = plane.Middle, right = plane.Right;
        for (var y = 0; y < height; y++, x += plane.RowStep, dy += dyRow)
        {
            float* top = x, centre = top + plane.Row, bottom = centre + plane.Row;
            for (var i = 0; i < length; i += TVec.Count)
            {
                var value = TVec.Load(dy + i);
                TVec.Accumulate(ref s0, value, TVec.Load(top + i));
                TVec.Accumulate(ref s1, value, TVec.Load(top + middle + i));
                TVec.Accumulate(ref s2, value, TVec.Load(top + right + i));
                TVec.Accumulate(ref s3, value, TVec.Load(centre + i));
                TVec.Accumulate(ref s4, value, TVec.Load(centre + middle + i));
                TVec.Accumulate(ref s5, value, TVec.Load(centre + right + i));
                TVec.Accumulate(ref s6, value, TVec.Load(bottom + i));
                TVec.Accumulate(ref s7, value, TVec.Load(bottom + middle + i));
                TVec.Accumulate(ref s8, value, TVec.Load(bottom + right + i));
            }
        }

        target[0] += TVec.Sum(s0);
        target[1] += TVec.Sum(s1);
        target[2] += TVec.Sum(s2);
        target[3] += TVec.Sum(s3);
        target[4] += TVec.Sum(s4);
        target[5] += TVec.Sum(s5);
        target[6] += TVec.Sum(s6);
        target[7] += TVec.Sum(s7);
        target[8] += TVec.Sum(s8);
    }

    /// <summary>How weights lie: one for a plane, or one for each of its lanes.</summary>
    private interface ITaps<TVec>
    {
        /// <summary>Floats from one weight to the next.</summary>
        static abstract int Distance { get; }

        /// <summary>Floats from one vector to the next that has the same weights.</summary>
        static abstract int Step { get; }

        static abstract TVec Read(float* weight);
    }

    private readonly struct PlaneTaps<TVec> : ITaps<TVec>
        where TVec : unmanaged, IVec<TVec>
    {
        public static int Distance => 1;

        public static int Step => TVec.Count;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TVec Read(float* weight) => TVec.Broadcast(*weight);
    }

    private readonly struct LaneTaps<TVec> : ITaps<TVec>
        where TVec : unmanaged, IVec<TVec>
    {
        public static int Distance => Lanes.Count;

        public static int Step => Lanes.Count;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TVec Read(float* weight) => TVec.Load(weight);
    }
}
