namespace Riffle.Server.Batching;

/// <summary>Decodes images on the threads of their requests, but only one per core at the same time: others would only take turns, and hold memory.</summary>
internal sealed class Decoders(ServerOptions options) : IDisposable
{
    private readonly SemaphoreSlim _free = new(Environment.ProcessorCount);

    /// <summary>The pixels that the network sees of an encoded image, and its size.</summary>
    /// <exception cref="RiffleException">It is no image, or damaged or too large.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async ValueTask<(byte[] Pixels, int Width, int Height)> DecodeAsync(ServedModel model, ReadOnlyMemory<byte> encoded, string name, CancellationToken cancel)
    {
        await _free.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            return model.Decode(encoded.Span, new() { Name = name, MaxPixels = options.MaxPixels }, cancel);
        }
        finally
        {
            _free.Release();
        }
    }

    public void Dispose() => _free.Dispose();
}
