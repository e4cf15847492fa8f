using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Riffle.Server.Batching;

namespace Riffle.Server.Endpoints;

/// <summary>What every request goes through: the key, and the one place where an exception becomes a status and a message.</summary>
internal sealed partial class Guard(ServerOptions options, ServerState state, ILogger<Guard> logger)
{
    private const string Bearer = "Bearer ";

    private readonly byte[]? _key = options.ApiKey is { } key ? Hash(key) : null;

    /// <summary>A handler for those who have the key.</summary>
    public RequestDelegate Of(RequestDelegate handler) => OpenToAll(context =>
    {
        Authorise(context.Request);
        return handler(context);
    });

    /// <summary>A handler for all.</summary>
    public RequestDelegate OpenToAll(RequestDelegate handler) => async context =>
    {
        // So that clients leave a connection before it is closed under a request.
        if (state.IsDraining)
            context.Response.Headers.Connection = "close";
        try
        {
            await handler(context).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is left to answer.
        }
        catch (Exception e)
        {
            var (status, message) = Report(e, context.Request);
            await Answer.ErrorAsync(context, status, message, (e as RequestException)?.RetryAfter).ConfigureAwait(false);
        }
    };

    /// <summary>What to answer to a request that failed. An error of the server is written to its log.</summary>
    public (int Status, string Message) Report(Exception exception, HttpRequest request)
    {
        var (status, message, _) = Explain(exception);
        if (status == 500)
            LogFailure(exception, request.Method, request.Path);
        return (status, message);
    }

    /// <summary>Runs what concerns a model, lets go of the model afterwards, and counts failures.</summary>
    public static async Task<T> CountAsync<T>(ServedModel model, long arrived, Func<Task<T>> work)
    {
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            model.Statistics.Failed(Explain(e).Reason, Stopwatch.GetTimestamp() - arrived);
            throw;
        }
        finally
        {
            model.Release();
        }
    }

    /// <summary>What an exception means to a client: a status of HTTP, a message, and the reason for the metrics.</summary>
    public static (int Status, string Message, string Reason) Explain(Exception exception) => exception switch
    {
        RequestException request => (request.Status, request.Message, request.Reason),
        BadHttpRequestException bad => (bad.StatusCode, bad.Message, "OTHER"),
        OperationCanceledException => (503, "the request was cancelled", "CANCELED"),
        RiffleException riffle => (400, riffle.Message, "OTHER"),
        OutOfMemoryException => (503, "there is not enough memory for this request", "BACKEND"),
        _ => (500, "an error in the server; its log has more", "BACKEND"),
    };

    /// <summary>Throws if a request has no right to an answer.</summary>
    /// <exception cref="RequestException">It has none.</exception>
    public void Authorise(HttpRequest request)
    {
        // A page of another site that a browser shows must not use a server that trusts its own machine.
        if (HttpMethods.IsPost(request.Method) && request.Headers["Sec-Fetch-Site"] == "cross-site")
            throw new RequestException(403, "requests from the pages of other sites are refused");
        if (_key is null)
            return;
        var authorisation = request.Headers.Authorization.ToString();
        var given = authorisation.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) ? authorisation[Bearer.Length..] : request.Headers["X-API-Key"].ToString();

        // Hashes have one length, so that the time tells nothing of the key.
        if (!CryptographicOperations.FixedTimeEquals(_key, Hash(given)))
            throw new RequestException(401, "a key is needed: Authorization: Bearer KEY or X-API-Key: KEY");
    }

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    [LoggerMessage(LogLevel.Error, "{Method} {Path} failed")]
    private partial void LogFailure(Exception exception, string method, string path);
}
