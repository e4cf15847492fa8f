using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// A smooth function of each value by itself.
/// <code>
/// x    [C][P][16]
/// y    [C][P][16]     y = f(x)     dx = f'(x) · dy
/// </code>
/// </summary>
internal readonly unsafe struct ActivationKernel
{
    /// <summary>Planes of x in the order of its channels.</summary>
    public readonly int* Input { get; init; }

    /// <summary>First plane of y.</summary>
    public readonly int Output { get; init; }

    /// <summary>C.</summary>
    public readonly int Channels { get; init; }

    /// <summary>P·16.</summary>
    public readonly int PlaneSize { get; init; }

    /// <summary>Floats of scratch that one thread needs for both directions.</summary>
    public long Scratch => PlaneSize;

    /// <summary>y = f(x), where x is read with what is deferred on it.</summary>
    public void Forward<TVec, TFunction>(in Planes planes, in Block block, Share share = default)
        where TVec : unmanaged, IVec<TVec>
        where TFunction : IFunction<TVec>
    {
        Contract.RequireLanes(PlaneSize);
        var end = share.EndOf(Channels);
        for (var c = share.From; c < end; c++)
        {
            var x = PlaneAccess.Reader<TVec>(planes, block, Input[c], 0);
            var y = block.Data + planes.Offset[Output + c];
            for (var i = 0; i < PlaneSize; i += TVec.Count)
                TVec.Store(y + i, TFunction.Value(x.At(i)));
        }
    }

    /// <summary>y = f(x) for a run of floats, whose last vector may reach behind it; x and y may be the same.</summary>
    public static void Apply<TVec, TFunction>(float* x, float* y, int length)
        where TVec : unmanaged, IVec<TVec>
        where TFunction : IFunction<TVec>
    {
        for (var i = 0; i < length; i += TVec.Count)
            TVec.Store(y + i, TFunction.Value(TVec.Load(x + i)));
    }

    /// <summary>y = clamp(f(x)) in inference, of planes of sixteen images, of sixteen channels or of one image.</summary>
    /// <param name="planes">Offsets, and the clamp of the output's planes.</param>
    /// <param name="data">The block's activations.</param>
    /// <param name="function">f, of a run of floats.</param>
    /// <param name="share">The planes of y to compute.</param>
    public void Infer<TVec>(in Planes planes, float* data, delegate*<float*, float*, int, void> function, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        var end = share.EndOf(Channels);
        for (var c = share.From; c < end; c++)
        {
            var y = data + planes.Offset[Output + c];
            function(data + planes.Offset[Input[c]], y, PlaneSize);
            if (planes.Clamp[Output + c] == Clamp.None)
                continue;
            var clamp = planes.Clamp[Output + c].For<TVec>();
            for (var i = 0; i < PlaneSize; i += TVec.Count)
                TVec.Store(y + i, clamp.Apply(TVec.Load(y + i)));
        }
    }

    /// <summary>dx = f'(x) · dy.</summary>
    /// <param name="planes">All planes.</param>
    /// <param name="block">The block of images.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    /// <param name="writes">What dx means for each plane of x.</param>
    /// <param name="share">The planes to compute.</param>
    public void Backward<TVec, TFunction>(in Planes planes, in Block block, float* scratch, GradientWrite* writes, Share share = default)
        where TVec : unmanaged, IVec<TVec>
        where TFunction : IFunction<TVec>
    {
        Contract.RequireLanes(PlaneSize);
        Contract.RequireScratch(scratch, Scratch);
        var end = share.EndOf(Channels);
        for (var c = share.From; c < end; c++)
        {
            var x = PlaneAccess.Reader<TVec>(planes, block, Input[c], 0);
            PlaneAccess.ReadGradient<TVec>(planes, block, Output + c, 0, PlaneSize, scratch);
            for (var i = 0; i < PlaneSize; i += TVec.Count)
                TVec.Store(scratch + i, TFunction.Slope(x.At(i)) * TVec.Load(scratch + i));
            PlaneAccess.AddGradient<TVec>(planes, block, Input[c], 0, PlaneSize, scratch, writes[c]);
        }
    }
}
