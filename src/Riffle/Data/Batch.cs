namespace Riffle.Data;

/// <summary>Images and labels for one step. The loader owns the memory and reuses it.</summary>
internal sealed class Batch
{
    private readonly byte[] _pixels;
    private readonly int[] _labels, _numbers;

    /// <exception cref="ArgumentException">The images don't fit into an array.</exception>
    internal Batch(int capacity, int imageSize)
    {
        var most = MostImages(imageSize);
        if (capacity > most)
            throw new ArgumentException($"a batch of {capacity} images of {imageSize}×{imageSize} pixels is too large; use at most {most}");
        ImageBytes = imageSize * imageSize * 3;
        _pixels = GC.AllocateUninitializedArray<byte>(capacity * ImageBytes, pinned: true);
        (_labels, _numbers) = (new int[capacity], new int[capacity]);
    }

    /// <summary>Number of images, at least 1.</summary>
    public int Count { get; internal set; }

    /// <summary>Count × size × size × 3 bytes: image after image, row after row, red first.</summary>
    public ReadOnlySpan<byte> Pixels => _pixels.AsSpan(0, Count * ImageBytes);

    /// <summary>The class of each image, from 0.</summary>
    public ReadOnlySpan<int> Labels => _labels.AsSpan(0, Count);

    /// <summary>The index of each image in its split, from 0, in the order of the shards; the same in every epoch.</summary>
    public ReadOnlySpan<int> Numbers => _numbers.AsSpan(0, Count);

    internal int ImageBytes { get; }

    /// <summary>The maximum number of images of a size that fit into a batch, or into a number of bytes; may be 0.</summary>
    internal static int MostImages(int imageSize, long bytes = int.MaxValue) => (int)Math.Min(int.MaxValue, bytes / (3L * imageSize * imageSize));

    /// <summary>The batch size for evaluation: 128, or as many large images as fit into 256 MiB.</summary>
    internal static int ForInference(int images, int imageSize) => Math.Min(images, Math.Clamp(MostImages(imageSize, 256 << 20), 1, 128));

    internal Span<byte> Image(int index) => _pixels.AsSpan(index * ImageBytes, ImageBytes);

    internal void Set(int index, int label, int number) => (_labels[index], _numbers[index]) = (label, number);
}
