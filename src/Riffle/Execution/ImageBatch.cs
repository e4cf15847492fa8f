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

    public static ImageBatch OfBytes(byte* pixels, long length, int count, Network network, Normalisation normalisation) =>
        new(pixels, null, length, count, network, normalisation);

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

        var (mean, deviation) = (_normalisation!.Mean, _normalisation.Deviation);
        ReadOnlySpan<float> scale = [1 / (255 * deviation.Red), 1 / (255 * deviation.Green), 1 / (255 * deviation.Blue)];
        ReadOnlySpan<float> shift = [-mean.Red / deviation.Red, -mean.Green / deviation.Green, -mean.Blue / deviation.Blue];
        ImageLanes.FromBytes(_bytes + offset, images, _positions, scale, shift, target);
    }
}
