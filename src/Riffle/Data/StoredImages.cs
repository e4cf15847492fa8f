using System.Runtime.InteropServices;

namespace Riffle.Data;

/// <summary>Decoded square images side by side in native memory, with their labels: what the garbage collector need never look at or move.</summary>
internal sealed unsafe class StoredImages : IDisposable
{
    private readonly int[] _labels;
    private readonly ulong[] _ids;
    private readonly IImageCodec _codec;
    private readonly FitKind _fit;
    private byte* _pixels;

    public StoredImages(int capacity, int side, IImageCodec codec, FitKind fit = FitKind.Crop)
    {
        (Side, _codec, _fit) = (side, codec, fit);
        ImageBytes = BytesOf(side);
        (_labels, _ids) = (new int[capacity], new ulong[capacity]);
        try
        {
            _pixels = (byte*)NativeMemory.Alloc((nuint)capacity, (nuint)ImageBytes);
        }
        catch (OutOfMemoryException e)
        {
            throw new RiffleException($"not enough memory for {capacity} images of {side}×{side} pixels; use smaller images", e);
        }
    }

    public int Side { get; }

    public int ImageBytes { get; }

    public int Capacity => _labels.Length;

    public static int BytesOf(int side) => checked(side * side * 3);

    public ReadOnlySpan<byte> Pixels(int slot) => At(slot);

    public int Label(int slot) => _labels[slot];

    /// <summary>The image's number in its split, which determines its random numbers.</summary>
    public ulong Id(int slot) => _ids[slot];

    /// <summary>Decodes a record into a slot. Different slots may be filled at the same time.</summary>
    /// <exception cref="BadDataException">The record holds no image of a known class; the message names file and offset.</exception>
    public void Decode(int slot, ReadOnlySpan<byte> record, RecordPlace place, int classes)
    {
        var example = place.Parse(record, classes);
        try
        {
            ImageFit.FitSquare(_codec.Decode(example.Encoded.Span, example.FileName, Side), Side, At(slot), _fit);
            (_labels[slot], _ids[slot]) = (example.Label, place.Id);
        }
        catch (BadDataException e)
        {
            throw place.Damaged(e.Message, e);
        }
    }

    public void Dispose()
    {
        NativeMemory.Free(_pixels);
        _pixels = null;
    }

    private Span<byte> At(int slot)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)slot, (uint)_labels.Length);
        ObjectDisposedException.ThrowIf(_pixels == null, this);
        return new(_pixels + ((nint)slot * ImageBytes), ImageBytes);
    }
}
