using System.Buffers;
using System.IO.Compression;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Riffle.Server.Endpoints;

/// <summary>The body of a request in memory from a pool, unpacked. Memory is taken as bytes come, not as many as the client claims.</summary>
internal sealed class RequestBody : IDisposable
{
    private const int FirstBytes = 64 << 10;

    /// <summary>How long a client may send nothing of its body. Kestrel looks at the rate since the beginning, so that one who has sent much could be silent for hours.</summary>
    private static readonly TimeSpan MostSilence = TimeSpan.FromSeconds(10);

    private readonly BytesInFlight _budget;
    private byte[] _bytes = [];
    private int _taken, _length;

    private RequestBody(BytesInFlight budget) => _budget = budget;

    /// <summary>What was read.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes.AsMemory(0, _length);

    /// <summary>Reads all of it.</summary>
    /// <param name="context">The request.</param>
    /// <param name="most">The most bytes, also unpacked.</param>
    /// <param name="budget">What all bodies share.</param>
    /// <exception cref="RequestException">It is larger, or packed in an unknown way, or damaged; or there is no room for it now.</exception>
    public static async ValueTask<RequestBody> ReadAsync(HttpContext context, int most, BytesInFlight budget)
    {
        var request = context.Request;
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = most;
        if (request.ContentLength > most)
            throw TooLarge(most);
        var body = new RequestBody(budget);
        try
        {
            var stream = Unpacked(request);
            await using (stream.ConfigureAwait(false))
                await body.FillAsync(stream, (int)(stream == request.Body ? request.ContentLength ?? 0 : 0), most, context.RequestAborted).ConfigureAwait(false);
            return body;
        }
        catch (InvalidDataException e)
        {
            body.Dispose();
            throw RequestException.Bad($"the body can't be unpacked: {e.Message}");
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (_taken > 0)
        {
            ArrayPool<byte>.Shared.Return(_bytes);
            _budget.Return(_taken);
        }

        (_bytes, _taken, _length) = ([], 0, 0);
    }

    private async ValueTask FillAsync(Stream stream, int expected, int most, CancellationToken cancel)
    {
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancel);

        // One byte more than is expected, so that the end is seen without more memory.
        Grow(Math.Clamp(expected + 1, 1024, FirstBytes));
        while (true)
        {
            if (_length == _bytes.Length)
                Grow((int)Math.Min(2L * _length, Math.Max(most + 1L, _length + 1L)));
            silence.CancelAfter(MostSilence);
            int read;
            try
            {
                read = await stream.ReadAsync(_bytes.AsMemory(_length), silence.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                throw new RequestException(408, $"nothing of the body came for {MostSilence.TotalSeconds} seconds");
            }

            _length += read;
            if (_length > most)
                throw TooLarge(most);
            if (read == 0)
                return;
        }
    }

    private void Grow(int length)
    {
        var larger = ArrayPool<byte>.Shared.Rent(length);
        if (!_budget.TryTake(larger.Length - _taken))
        {
            ArrayPool<byte>.Shared.Return(larger);
            throw RequestException.Busy("the bodies of other requests take all the memory that they may; try again later");
        }

        Bytes.CopyTo(larger);
        if (_taken > 0)
            ArrayPool<byte>.Shared.Return(_bytes);
        (_bytes, _taken) = (larger, larger.Length);
    }

    private static Stream Unpacked(HttpRequest request) => request.Headers.ContentEncoding.ToString().ToLowerInvariant() switch
    {
        "" or "identity" => request.Body,
        "gzip" or "x-gzip" => new GZipStream(request.Body, CompressionMode.Decompress),
        "deflate" => new ZLibStream(request.Body, CompressionMode.Decompress),
        var other => throw new RequestException(415, $"Content-Encoding: {other} is not supported; send gzip, deflate or no encoding"),
    };

    private static RequestException TooLarge(int most) => RequestException.TooLarge($"the body is larger than {most:N0} bytes, the limit");
}
