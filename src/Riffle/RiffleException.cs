namespace Riffle;

/// <summary>An error that the user can fix. The message names the file, record or option, and says what to do.</summary>
public class RiffleException : Exception
{
    /// <inheritdoc cref="RiffleException"/>
    public RiffleException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }

    /// <summary>What to do about it on Riffle's command line, a sentence; null if the message says all. The message itself names no command and no option, so a
    /// program can show it to people who have never seen Riffle.</summary>
    public string? CommandLineAdvice { get; init; }
}

/// <summary>Unusable data: a damaged image, record, checkpoint or data set folder. The message names the file and, if there is one, the
/// offset.</summary>
public sealed class BadDataException : RiffleException
{
    /// <inheritdoc cref="BadDataException"/>
    public BadDataException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
