using System.Collections.Immutable;

namespace Riffle.Formats;

/// <summary>A tensor of a PyTorch file with all its values.</summary>
/// <param name="Type">Type of its values.</param>
/// <param name="Bytes">The values of its storage.</param>
/// <param name="Offset">Its first value in the storage.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Strides">Values from one index to the next, for each dimension.</param>
/// <param name="Count">Number of its values, which may be more than the storage has: a stride of 0 repeats one.</param>
internal sealed record TorchView(TorchType Type, ReadOnlyMemory<byte> Bytes, long Offset, ImmutableArray<int> Shape, long[] Strides, long Count)
{
    /// <summary>Number of values in its storage.</summary>
    public long Stored => Bytes.Length / Type.Width;

    /// <summary>Null where a value would lie outside its storage.</summary>
    public static TorchView? Create(TorchTensor tensor, ReadOnlyMemory<byte> bytes)
    {
        var (storage, type, offset, shape, strides) = tensor;
        if (Part(storage, bytes) is not { } values || offset < 0 || shape.Any(d => d is < 0 or > int.MaxValue) || strides.Any(stride => stride < 0))
            return null;

        // Neither overflows: each dimension and stride is below 2^63, and what is too large already stays so.
        Int128 last = offset, count = 1;
        for (var d = 0; d < shape.Length; d++)
        {
            last = Int128.Min(last + (Int128)(shape[d] - 1) * strides[d], long.MaxValue);
            count = Int128.Min(count * shape[d], long.MaxValue);
        }

        return count > 0 && last >= values.Length / type.Width ? null : new(type, values, offset, [.. shape.Select(d => (int)d)], strides, (long)count);
    }

    /// <summary>The values as floats in the order of the indices, whatever order they lie in.</summary>
    /// <param name="values">Receives all values.</param>
    public void Gather(Span<float> values)
    {
        if (Count == 0)
            return;
        var run = ContiguousRun();
        var index = new int[Shape.Length];
        for (var done = 0; done < values.Length; done += run)
        {
            var at = Offset;
            for (var d = 0; d < index.Length; d++)
                at += index[d] * Strides[d];
            TensorValues.ToFloats(Bytes.Span.Slice((int)(at * Type.Width), run * Type.Width), Type.Name, values.Slice(done, run));
            Advance(index, run);
        }
    }

    /// <summary>The bytes of a storage that is a part of a larger one; null where they are not there.</summary>
    private static ReadOnlyMemory<byte>? Part(TorchStorage storage, ReadOnlyMemory<byte> bytes)
    {
        var (width, there) = (storage.Type.Width, bytes.Length / storage.Type.Width);
        return storage.Total >= 0 && storage.Total <= there && storage.First >= 0 && storage.Count >= 0 && storage.First <= storage.Total
            && storage.Count <= storage.Total - storage.First
            ? bytes.Slice((int)storage.First * width, (int)storage.Count * width)
            : null;
    }

    /// <summary>The number of values, in index order, that are contiguous in memory.</summary>
    private int ContiguousRun()
    {
        var run = 1;
        for (var d = Shape.Length - 1; d >= 0 && (Shape[d] == 1 || Strides[d] == run); d--)
            run *= Shape[d];
        return run;
    }

    private void Advance(int[] index, int run)
    {
        for (var d = index.Length - 1; d >= 0; d--)
        {
            // The dimensions within a run stay at index 0.
            if (run >= Shape[d])
            {
                run /= Shape[d];
                continue;
            }

            if (++index[d] < Shape[d])
                return;
            index[d] = 0;
            run = 1;
        }
    }
}
