namespace Riffle.Data;

/// <summary>Images and labels for one step. The memory belongs to the loader, which uses it again.</summary>
public sealed class Batch
{
    private readonly byte[] _pixels;
    private readonly int[] _labels, _numbers;

    internal Batch(int capacity, int imageSize)
    {
        ImageBytes = checked(imageSize * imageSize * 3);
        _pixels = GC.AllocateUninitializedArray<byte>(checked(capacity * ImageBytes), pinned: true);
        (_labels, _numbers) = (new int[capacity], new int[capacity]);
    }

    /// <summary>Number of images, at least 1.</summary>
    public int Count { get; internal set; }

    /// <summary>Count × size × size × 3 bytes: image after image, row after row, red first.</summary>
    public ReadOnlySpan<byte> Pixels => _pixels.AsSpan(0, Count * ImageBytes);

    /// <summary>The class of each image, from 0.</summary>
    public ReadOnlySpan<int> Labels => _labels.AsSpan(0, Count);

    /// <summary>The number of each image in its split, from 0, in the order of the shards: the same in every epoch.</summary>
    public ReadOnlySpan<int> Numbers => _numbers.AsSpan(0, Count);

    internal int ImageBytes { get; }

    internal Span<byte> Image(int index) => _pixels.AsSpan(index * ImageBytes, ImageBytes);

    internal void Set(int index, int label, int number) => (_labels[index], _numbers[index]) = (label, number);
}
