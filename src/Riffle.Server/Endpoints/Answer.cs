using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Riffle.Server.Endpoints;

/// <summary>Writes answers.</summary>
internal static class Answer
{
    /// <summary>Says how many bytes of a body are JSON, before binary tensors.</summary>
    public const string JsonLength = "Inference-Header-Content-Length";

    private const string JsonType = "application/json";

    /// <summary>Smaller bodies gain nothing by being packed.</summary>
    private const int LeastPacked = 1024;

    /// <summary>A document as JSON.</summary>
    public static Task JsonAsync<T>(HttpContext context, T document, JsonTypeInfo<T> type, int status = 200)
    {
        context.Response.StatusCode = status;
        return WriteAsync(context, JsonSerializer.SerializeToUtf8Bytes(document, type), JsonType);
    }

    /// <summary>The answer to a request that failed.</summary>
    public static Task ErrorAsync(HttpContext context, int status, string message, int? retryAfter = null)
    {
        var response = context.Response;
        if (response.HasStarted)
        {
            context.Abort();
            return Task.CompletedTask;
        }

        if (retryAfter is { } seconds)
            response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        return JsonAsync(context, new(message), Documents.Json.ErrorDocument, status);
    }

    /// <summary>The bytes, packed if the client asks for it.</summary>
    /// <param name="context">The request.</param>
    /// <param name="body">The answer.</param>
    /// <param name="type">Its media type.</param>
    /// <param name="jsonLength">Bytes of JSON at its beginning; null: there are no binary tensors.</param>
    public static async Task WriteAsync(HttpContext context, ReadOnlyMemory<byte> body, string type, int? jsonLength = null)
    {
        var response = context.Response;
        response.ContentType = type;
        if (jsonLength is { } length)
            response.Headers[JsonLength] = length.ToString(CultureInfo.InvariantCulture);
        if (body.Length >= LeastPacked && Encoding(context.Request) is { } encoding)
        {
            response.Headers.ContentEncoding = encoding;
            response.Headers.Vary = HeaderNames.AcceptEncoding;
            body = Pack(body.Span, encoding);
        }

        response.ContentLength = body.Length;
        await response.Body.WriteAsync(body, context.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>The encoding that the client likes best of those that there are; null for none.</summary>
    private static string? Encoding(HttpRequest request)
    {
        if (request.Headers.AcceptEncoding.Count == 0 || !StringWithQualityHeaderValue.TryParseList(request.Headers.AcceptEncoding, out var accepted))
            return null;
        return accepted.Where(one => (one.Quality ?? 1) > 0).OrderByDescending(one => one.Quality ?? 1)
            .Select(one => one.Value.Value?.ToLowerInvariant()).FirstOrDefault(name => name is "gzip" or "deflate");
    }

    private static byte[] Pack(ReadOnlySpan<byte> body, string encoding)
    {
        using var packed = new MemoryStream();
        using (Stream packer = encoding == "gzip" ? new GZipStream(packed, CompressionLevel.Fastest) : new ZLibStream(packed, CompressionLevel.Fastest))
            packer.Write(body);
        return packed.ToArray();
    }
}
