using Riffle.Kernels;
using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>The images of a run as they were given, bytes or floats; the caller keeps them in place while it runs.</summary>
internal readonly unsafe struct ImageBatch
{
    private readonly byte* _bytes;
    private readonly float* _floats;
    private readonly int _positions;
    private readonly Normalisation? _normalisation;

    private ImageBatch(byte* bytes, float* floats, long length, int count, Network network, Normalisation? normalisation)
    {
        if (length != count * network.Input.Elements)
            throw new ArgumentException($"{count} images of {network.Input} need {count * network.Input.Elements} values, not {length}");
        _bytes = bytes;
        _floats = floats;
        _normalisation = normalisation;
        _positions = network.Input.Height * network.Input.Width;
        Count = count;
    }

    /// <summary>Number of images.</summary>
    public int Count { get; }

    public static ImageBatch OfBytes(byte* pixels, long length, int count, Network network, Normalisation normalisation)
    {
        ArgumentNullException.ThrowIfNull(normalisation);
        return new(pixels, null, length, count, network, normalisation);
    }

    public static ImageBatch OfFloats(float* images, long length, int count, Network network) => new(null, images, length, count, network, null);

    /// <summary>Brings the images of a block into lanes.</summary>
    public void Load(int block, float* target)
    {
        var images = Math.Min(Lanes.Count, Count - block * Lanes.Count);
        var offset = (long)block * Lanes.Count * 3 * _positions;
        if (_bytes == null)
        {
            ImageLanes.FromFloats(_floats + offset, images, _positions, target);
            return;
        }

        Span<float> scale = stackalloc float[3], shift = stackalloc float[3];
        FillAffine(scale, shift);
        ImageLanes.FromBytes(_bytes + offset, images, _positions, scale, shift, target);
    }

    /// <summary>Brings one image into planes, or one of several parts of each plane.</summary>
    public void LoadOne(int image, float* target, long stride, int part = 0, int parts = 1)
    {
        var (from, to) = ((int)((long)_positions * part / parts), (int)((long)_positions * (part + 1) / parts));
        var offset = (long)image * 3 * _positions;
        if (_bytes == null)
        {
            for (var c = 0; c < 3; c++)
            {
                var colour = new ReadOnlySpan<float>(_floats + offset + (long)c * _positions, _positions);
                colour[from..to].CopyTo(new Span<float>(target + c * stride + from, to - from));
            }

            return;
        }

        Span<float> scale = stackalloc float[3], shift = stackalloc float[3];
        FillAffine(scale, shift);
        ImagePlanes.FromBytes(_bytes + offset + 3L * from, to - from, scale, shift, target + from, stride);
    }

    /// <summary>input = scale · byte + shift, for each colour.</summary>
    private void FillAffine(Span<float> scale, Span<float> shift)
    {
        var (factors, summands) = _normalisation!.Affine;
        (scale[0], scale[1], scale[2]) = factors;
        (shift[0], shift[1], shift[2]) = summands;
    }
}
