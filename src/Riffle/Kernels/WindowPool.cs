using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>What a pool makes of the values of a window.</summary>
internal interface IReduction<TVec>
    where TVec : unmanaged, IVec<TVec>
{
    /// <summary>What borders hold, and reduction begins with: it changes nothing.</summary>
    static abstract float Neutral { get; }

    static abstract TVec Reduce(TVec a, TVec b);
}

internal readonly struct MaxReduction<TVec> : IReduction<TVec>
    where TVec : unmanaged, IVec<TVec>
{
    public static float Neutral => float.NegativeInfinity;

    public static TVec Reduce(TVec a, TVec b) => TVec.Max(a, b);
}

internal readonly struct SumReduction<TVec> : IReduction<TVec>
    where TVec : unmanaged, IVec<TVec>
{
    public static float Neutral => 0;

    public static TVec Reduce(TVec a, TVec b) => a + b;
}

/// <summary>
/// Pools over windows of any size, stride and border, in inference: the largest value, or the mean of the positions that the image has.
/// <code>
/// x    [C][H][W][L]
/// y    [C][h][w][L]     h = ⌊(H + top + bottom − k) / stride⌋ + 1
/// </code>
/// </summary>
internal readonly unsafe struct WindowPool
{
    /// <summary>Input, output and how they lie to each other.</summary>
    public readonly Window Window { get; init; }

    /// <summary>For a mean, what the sums of each row of outputs are multiplied by: one over the rows of the image that it sees. Else null.</summary>
    public readonly float* Rows { get; init; }

    /// <summary>The same of columns, for each float of a row and a vector behind it.</summary>
    public readonly float* Columns { get; init; }

    /// <summary>Floats of scratch that one thread needs.</summary>
    public long Scratch => Window.Padded.Size;

    /// <summary>A pool with what it multiplies by.</summary>
    /// <param name="window">Input, output and how they lie to each other.</param>
    /// <param name="isMean">Whether it gives the mean of a window; else the largest value.</param>
    /// <param name="copy">Returns memory that holds these values; it belongs to the caller.</param>
    public static WindowPool Create(Window window, bool isMean, Func<float[], nint> copy)
    {
        if (!isMean)
            return new() { Window = window };
        var (stride, kernel, border, last) = (window.Stride, window.Kernel, window.Border, window.OutputWidth - 1);
        float[] rows = [.. Enumerable.Range(0, window.OutputHeight).Select(y => Reciprocal(y * stride - border.Top, kernel, window.Height))];
        float[] columns =
        [
            .. Enumerable.Range(0, window.OutputRow + Contract.Slack)
                .Select(i => Reciprocal(Math.Min(i / window.Lanes, last) * stride - border.Left, kernel, window.Width)),
        ];
        return new() { Window = window, Rows = (float*)copy(rows), Columns = (float*)copy(columns) };
    }

    /// <summary>y = clamp(pool of x), of planes of sixteen images, of one, or of sixteen channels.</summary>
    /// <param name="planes">Offsets, and the clamp of the output's planes.</param>
    /// <param name="data">The block's activations.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    /// <param name="share">The planes of y to compute.</param>
    public void Infer<TVec>(in Planes planes, float* data, float* scratch, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireWindow(Window, isTraining: false);
        Contract.RequireScratch(scratch, Scratch);
        if (Rows == null)
            Infer<TVec, MaxReduction<TVec>>(planes, data, scratch, share);
        else
            Infer<TVec, SumReduction<TVec>>(planes, data, scratch, share);
    }

    private static float Reciprocal(int start, int kernel, int length) => 1f / (Math.Min(start + kernel, length) - Math.Max(start, 0));

    private void Infer<TVec, TReduction>(in Planes planes, float* data, float* scratch, Share share)
        where TVec : unmanaged, IVec<TVec>
        where TReduction : IReduction<TVec>
    {
        var padded = Window.Padded;
        padded.Prepare(scratch, TReduction.Neutral);
        var end = share.EndOf(Window.Channels);
        for (var c = share.From; c < end; c++)
        {
            padded.Read<TVec, FinalPlane<TVec>>(new(data + planes.Offset[Window.Input[c]]), scratch, TReduction.Neutral);
            Slide<TVec, TReduction>(scratch, padded, planes.Clamp[Window.Output + c], data + planes.Offset[Window.Output + c]);
        }
    }

    private void Slide<TVec, TReduction>(float* top, in PaddedPlane padded, Clamp clamp, float* target)
        where TVec : unmanaged, IVec<TVec>
        where TReduction : IReduction<TVec>
    {
        var columns = stackalloc int[Window.Kernel];
        for (var kx = 0; kx < Window.Kernel; kx++)
            columns[kx] = padded.Tap(0, kx);
        var (range, neutral) = (clamp.For<TVec>(), TVec.Broadcast(TReduction.Neutral));
        for (var y = 0; y < Window.OutputHeight; y++, top += padded.RowStep, target += Window.OutputRow)
        {
            for (var i = 0; i < Window.OutputRow; i += TVec.Count)
            {
                var value = neutral;
                for (var ky = 0; ky < Window.Kernel; ky++)
                {
                    var row = top + (long)ky * padded.Row + i;
                    for (var kx = 0; kx < Window.Kernel; kx++)
                        value = TReduction.Reduce(value, TVec.Load(row + columns[kx]));
                }

                if (Rows != null)
                    value *= TVec.Broadcast(Rows[y]) * TVec.Load(Columns + i);
                TVec.Store(target + i, range.Apply(value));
            }
        }
    }
}
