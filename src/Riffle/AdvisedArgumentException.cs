namespace Riffle;

/// <summary>An invalid request, for which the command line has advice of its own, as for a <see cref="RiffleException"/>.</summary>
internal sealed class AdvisedArgumentException(string message, Exception? inner = null) : ArgumentException(message, inner)
{
    /// <inheritdoc cref="RiffleException.CommandLineAdvice"/>
    public required string CommandLineAdvice { get; init; }
}
