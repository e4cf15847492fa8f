namespace Riffle.Images;

/// <summary>One image on its way to its pixels: what it may be, and what it takes of the <see cref="DecodingBudget"/> until it is disposed of.</summary>
/// <param name="maxPixels">The most pixels that it may have.</param>
/// <param name="ask">Gets the bytes that the image needs, and returns when it may have them: of another process, which has a budget for several like this.</param>
/// <param name="cancel">Stops waiting for memory.</param>
internal sealed class Decoding(long maxPixels = ImageDecoder.MaxPixels, Action<long>? ask = null, CancellationToken cancel = default) : IDisposable
{
    private long _taken;

    public long MaxPixels { get; } = Math.Min(maxPixels, ImageDecoder.MaxPixels);

    /// <summary>Takes the memory that the image needs; once, when its header is known.</summary>
    /// <param name="pixels">Pixels of the result.</param>
    /// <param name="bytesOfPixel">Bytes beside the result, for each of its pixels.</param>
    /// <param name="orientation">The EXIF orientation; one that is not upright takes a second picture.</param>
    /// <param name="more">Further bytes.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public void Take(long pixels, int bytesOfPixel, int orientation, long more = 0)
    {
        var bytes = (pixels * (3 + Math.Max(bytesOfPixel, orientation == Exif.Upright ? 0 : 3))) + more;
        ask?.Invoke(bytes);
        DecodingBudget.Take(bytes, cancel);
        _taken = bytes;
    }

    public void Dispose()
    {
        if (_taken > 0)
            DecodingBudget.Return(_taken);
        _taken = 0;
    }
}
