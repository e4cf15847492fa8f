using Riffle.Execution;
using Riffle.Kernels;
using Riffle.Simd;

namespace Riffle.Tests.Kernels;

/// <summary>One block of images with a few tensors, random values and random things pending on them, as a plan would lay it out.</summary>
internal sealed unsafe class PlaneMemory : IDisposable
{
    private readonly List<IDisposable> _owned = [];
    private readonly Random _random = new(7);
    private readonly List<(int FirstPlane, int Channels, int Height, int Width)> _tensors = [];
    private readonly int _images;

    /// <param name="images">Lanes in use, 1 to 16.</param>
    /// <param name="tensors">Channels, height and width of each tensor.</param>
    public PlaneMemory(int images, params (int Channels, int Height, int Width)[] tensors)
    {
        _images = images;
        var count = tensors.Sum(t => t.Channels);
        long size = tensors.Sum(t => t.Channels * t.Height * t.Width * Lanes.Count);
        Planes = Planes.Create(count, bytes => (nint)Allocate<byte>(bytes));
        Block = new Block
        {
            Data = Allocate<float>(size),
            Gradients = Allocate<float>(size),
            Sums = Allocate<float>(count * 2 * Lanes.Count),
            Totals = Allocate<double>(count * 2),
            LaneMask = Allocate<float>(Lanes.Count),
        };
        var plane = 0;
        long offset = 0;
        foreach (var (channels, height, width) in tensors)
        {
            _tensors.Add((plane, channels, height, width));
            for (var c = 0; c < channels; c++, plane++)
            {
                Planes.Offset[plane] = Planes.GradientOffset[plane] = offset;
                Planes.Scale[plane] = Next();
                Planes.Shift[plane] = Next();
                Planes.Clamp[plane] = InferenceMemory.Clamps[plane % 3];
                Planes.IsNormed[plane] = true;
                Planes.Mean[plane] = Next();
                Planes.GradientScale[plane] = Next();
                Planes.GradientSlope[plane] = Next();
                Planes.GradientShift[plane] = Next();
                offset += height * width * Lanes.Count;
            }
        }

        for (long i = 0; i < size; i++)
        {
            Block.Data[i] = Next();
            Block.Gradients[i] = Next();
        }

        for (var lane = 0; lane < images; lane++)
            Block.LaneMask[lane] = 1;
    }

    public Planes Planes { get; }

    public Block Block { get; }

    public float Next() => (float)(_random.NextDouble() * 2 - 1);

    public T* Allocate<T>(long count)
        where T : unmanaged
    {
        var array = new NativeArray<T>(count);
        _owned.Add(array);
        return array.Pointer;
    }

    public long* Copy(long[] values)
    {
        var array = new NativeArray<long>(values);
        _owned.Add(array);
        return array.Pointer;
    }

    /// <summary>Planes of a tensor in an order of their own, as a shuffle leaves them.</summary>
    public int* ShuffledPlanes(int tensor, out int[] order)
    {
        var t = _tensors[tensor];
        order = [.. Enumerable.Range(0, t.Channels).OrderBy(c => (c * 7 + 3) % 11).ThenBy(c => c)];
        var planes = Allocate<int>(t.Channels);
        for (var c = 0; c < t.Channels; c++)
            planes[c] = t.FirstPlane + order[c];
        return planes;
    }

    public float* RandomFloats(int count, out double[] values)
    {
        var floats = Allocate<float>(count);
        values = new double[count];
        for (var i = 0; i < count; i++)
            values[i] = floats[i] = Next();
        return floats;
    }

    public int FirstPlane(int tensor) => _tensors[tensor].FirstPlane;

    /// <summary>x of a tensor in use, without what is pending.</summary>
    public Volume Raw(int tensor) => Collect(tensor, null, (plane, offset) => Block.Data[Planes.Offset[plane] + offset]);

    /// <summary>A tensor as it is read: clamp(scale·x + shift), channels in the given order.</summary>
    public Volume Value(int tensor, int[]? order = null) => Collect(tensor, order, (plane, offset) =>
        InferenceMemory.Clamped(
            Planes.Clamp[plane], (double)Planes.Scale[plane] * Block.Data[Planes.Offset[plane] + offset] + Planes.Shift[plane]));

    /// <summary>dz of a tensor as it stands in memory.</summary>
    public Volume Gradient(int tensor, int[]? order = null) =>
        Collect(tensor, order, (plane, offset) => Block.Gradients[Planes.GradientOffset[plane] + offset]);

    /// <summary>The gradient with respect to x: what batch norm's backward leaves of dz.</summary>
    public Volume RawGradient(int tensor) => Collect(tensor, null, (plane, offset) =>
        (double)Planes.GradientScale[plane] * Block.Gradients[Planes.GradientOffset[plane] + offset]
        + (double)Planes.GradientSlope[plane] * Block.Data[Planes.Offset[plane] + offset] + Planes.GradientShift[plane]);

    /// <summary>Whether ReLU lets each value through.</summary>
    public Volume Mask(int tensor, int[] order) => Collect(tensor, order, (plane, offset) =>
    {
        var value = (double)Planes.Scale[plane] * Block.Data[Planes.Offset[plane] + offset] + Planes.Shift[plane];
        return value > Planes.Clamp[plane].Low && value < Planes.Clamp[plane].High ? 1 : 0;
    });

    /// <summary>Sum over lanes in use of one of the two sums of each plane.</summary>
    public double[] Sums(int tensor, int which) => [.. Enumerable.Range(_tensors[tensor].FirstPlane, _tensors[tensor].Channels)
        .Select(plane => Enumerable.Range(0, _images).Sum(lane => (double)Block.SumsOf(plane)[which * Lanes.Count + lane]))];

    public void Dispose()
    {
        foreach (var owned in _owned)
            owned.Dispose();
    }

    private Volume Collect(int tensor, int[]? order, Func<int, long, double> value)
    {
        var t = _tensors[tensor];
        return Volume.Create(_images, t.Channels, t.Height, t.Width, (n, c, y, x) =>
            value(t.FirstPlane + (order == null ? c : order[c]), ((long)y * t.Width + x) * Lanes.Count + n));
    }
}
