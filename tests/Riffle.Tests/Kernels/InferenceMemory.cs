using Riffle.Execution;
using Riffle.Kernels;
using Riffle.Simd;

namespace Riffle.Tests.Kernels;

/// <summary>
/// The activations of one block as a <see cref="InferenceProgram"/> lays them out, for one kernel: planes are a cache line further apart than they are long.
/// All that is no value is junk, so large that it spoils any result it reaches, and known to the bit, so that a write to a wrong place is seen.
/// </summary>
internal sealed unsafe class InferenceMemory : IDisposable
{
    /// <summary>What the last vector of a plane of one image may write behind it; planes of 16 images are whole vectors.</summary>
    private const int Reach = Lanes.Count;

    /// <summary>Junk around all tensors and around scratch: more than the widest vectors reach, reading.</summary>
    private const int Guard = 4 * Lanes.Count;

    private readonly List<IDisposable> _owned = [];
    private readonly Random _random = new(7);
    private readonly List<(int FirstPlane, int Channels, int Height, int Width, long Stride)> _tensors = [];
    private readonly int _lanes;
    private readonly int _planeCount;
    private readonly NativeArray<float> _data;
    private readonly bool[] _isValue;
    private readonly bool[] _isWritable;
    private NativeArray<float>? _scratch;

    /// <param name="lanes">16 or 1, all in use.</param>
    /// <param name="imagesFirst">Whether the first tensor is the images, whose planes lie close by close with 16 lanes.</param>
    /// <param name="tensors">Channels, height and width of the inputs and, last, of the output.</param>
    public InferenceMemory(int lanes, bool imagesFirst, params (int Channels, int Height, int Width)[] tensors)
    {
        _lanes = lanes;
        _planeCount = tensors.Sum(t => t.Channels);
        Planes = Planes.Create(_planeCount, bytes => (nint)Allocate<byte>(bytes));
        var (plane, end) = (0, (long)Guard);
        foreach (var (channels, height, width) in tensors)
        {
            var size = (long)height * width * lanes;
            var isDense = imagesFirst && lanes > 1 && plane == 0;
            var stride = isDense ? size : RoundUp(size + Lanes.Count);
            _tensors.Add((plane, channels, height, width, stride));
            for (var c = 0; c < channels; c++)
                Planes.Offset[plane++] = end + c * stride;
            end += RoundUp(channels * stride + Lanes.Count);
        }

        _data = new NativeArray<float>(end + Guard);
        _owned.Add(_data);
        _isValue = new bool[_data.Length];
        _isWritable = new bool[_data.Length];
        for (var p = 0; p < _planeCount; p++)
        {
            var isOutput = p >= _tensors[^1].FirstPlane;
            var size = SizeOf(_tensors.FindLast(t => t.FirstPlane <= p));
            (isOutput ? _isWritable : _isValue).AsSpan((int)Planes.Offset[p], isOutput && lanes == 1 ? size + Reach : size).Fill(true);
            Planes.Shift[p] = Next();
        }

        for (var i = 0; i < _data.Length; i++)
            Data[i] = _isValue[i] ? Next() : Junk(i);
    }

    public Planes Planes { get; }

    public float* Data => _data.Pointer;

    /// <summary>First plane of the output.</summary>
    public int Output => _tensors[^1].FirstPlane;

    /// <summary>Distance between planes of the output.</summary>
    public long OutputStride => _tensors[^1].Stride;

    /// <summary>The biases of the output's planes.</summary>
    public float* Bias => Planes.Shift + Output;

    public T* Allocate<T>(long count)
        where T : unmanaged
    {
        var array = new NativeArray<T>(count);
        _owned.Add(array);
        return array.Pointer;
    }

    public T* Copy<T>(params ReadOnlySpan<T> values)
        where T : unmanaged
    {
        var array = new NativeArray<T>(values);
        _owned.Add(array);
        return array.Pointer;
    }

    public float* RandomFloats(int count, out double[] values)
    {
        var floats = Allocate<float>(count);
        values = new double[count];
        for (var i = 0; i < count; i++)
            values[i] = floats[i] = Next();
        return floats;
    }

    /// <summary>Planes of a tensor in an order of their own, as a shuffle leaves them.</summary>
    public int[] ShuffledPlanes(int tensor) =>
        [.. Enumerable.Range(0, _tensors[tensor].Channels).OrderBy(c => (c * 7 + 3) % 11).ThenBy(c => c).Select(c => _tensors[tensor].FirstPlane + c)];

    /// <summary>Where some planes lie.</summary>
    public long* OffsetsOf(int[] planes) => Copy<long>([.. planes.Select(plane => Planes.Offset[plane])]);

    /// <summary>The values of some planes of one tensor.</summary>
    public Volume Read(int[] planes)
    {
        var (_, _, height, width, _) = _tensors.FindLast(t => t.FirstPlane <= planes[0]);
        return Volume.Create(_lanes, planes.Length, height, width, (n, c, y, x) => Data[Planes.Offset[planes[c]] + ((long)y * width + x) * _lanes + n]);
    }

    /// <summary>The output's values.</summary>
    public Volume ReadOutput() => Read([.. Enumerable.Range(Output, _tensors[^1].Channels)]);

    /// <summary>Makes the first tensor's values so large that they pass both ends of the hard activations.</summary>
    public void WidenInput()
    {
        for (var i = Planes.Offset[0]; i < Planes.Offset[_tensors[1].FirstPlane]; i++)
            Data[i] *= _isValue[i] ? 8 : 1;
    }

    /// <summary>The same for the biases of the output.</summary>
    public void WidenBiases()
    {
        for (var plane = Output; plane < _planeCount; plane++)
            Planes.Shift[plane] *= 8;
    }

    /// <summary>Neither ReLU, ReLU, and a ReLU with a maximum that many values reach.</summary>
    public static Clamp[] Clamps { get; } = [Clamp.None, new(0, float.PositiveInfinity), new(0, 0.3f)];

    /// <summary>What a clamp makes of a value in double precision.</summary>
    public static double Clamped(Clamp clamp, double value) => Math.Min(clamp.High, Math.Max(clamp.Low, value));

    /// <summary>Gives the output a clamp, makes it and all slack junk again, and gives scratch of so many floats, junk too.</summary>
    public float* Prepare(Clamp clamp, long scratch)
    {
        new Span<Clamp>(Planes.Clamp + Output, _planeCount - Output).Fill(clamp);
        for (var i = 0; i < _data.Length; i++)
            Data[i] = _isValue[i] ? Data[i] : Junk(i);
        _owned.Add(_scratch = new NativeArray<float>(Guard + scratch + Reach + Guard));
        for (var i = 0; i < _scratch.Length; i++)
            _scratch.Span[i] = Junk(i);
        return _scratch.Pointer + Guard;
    }

    /// <summary>Nothing was written but the output, what a last vector may reach, and scratch.</summary>
    public void AssertUntouched(string what)
    {
        for (var i = 0; i < _data.Length; i++)
        {
            if (!_isWritable[i] && !_isValue[i] && Data[i] != Junk(i))
                Assert.Fail($"{what}: {Data[i]} was written to {Place(i)}");
        }

        var scratch = _scratch!.Span;
        for (var i = 0; i < scratch.Length; i++)
        {
            if ((i < Guard || i >= scratch.Length - Guard) && scratch[i] != Junk(i))
                Assert.Fail($"{what}: {scratch[i]} was written to {i - Guard} of {scratch.Length - 2 * Guard - Reach} floats of scratch");
        }
    }

    public void Dispose()
    {
        foreach (var owned in _owned)
            owned.Dispose();
    }

    private static float Junk(int i) => 1e9f * (1 + i % 7);

    private static long RoundUp(long floats) => (floats + Lanes.Count - 1) / Lanes.Count * Lanes.Count;

    private int SizeOf((int FirstPlane, int Channels, int Height, int Width, long Stride) tensor) => tensor.Height * tensor.Width * _lanes;

    private string Place(int i)
    {
        var plane = Enumerable.Range(0, _planeCount).LastOrDefault(p => Planes.Offset[p] <= i, -1);
        if (plane < 0)
            return $"{Planes.Offset[0] - i} floats before the first plane";
        var tensor = _tensors.FindLast(t => t.FirstPlane <= plane);
        return $"{i - Planes.Offset[plane]} of {SizeOf(tensor)} floats of plane {plane - tensor.FirstPlane} of tensor {_tensors.IndexOf(tensor)}";
    }

    private float Next() => (float)(_random.NextDouble() * 2 - 1);
}
