namespace Riffle.Server;

/// <summary>Why a request is not answered with a result, with the status that says so.</summary>
internal sealed class RequestException(int status, string message, string reason = "OTHER") : Exception(message)
{
    /// <summary>Of HTTP.</summary>
    public int Status { get; } = status;

    /// <summary>For the metric of failures: REJECTED, CANCELED, BACKEND or OTHER.</summary>
    public string Reason { get; } = reason;

    /// <summary>Seconds after which it is worth another try; null if it is not.</summary>
    public int? RetryAfter { get; private init; }

    public static RequestException Bad(string message) => new(400, message);

    public static RequestException NotFound(string message) => new(404, message);

    public static RequestException TooLarge(string message) => new(413, message);

    /// <summary>There is no room for it now.</summary>
    public static RequestException Busy(string message) => new(503, message, "REJECTED") { RetryAfter = 1 };

    public static RequestException TooLate() => new(503, "the request's timeout passed before it was computed", "REJECTED");
}
