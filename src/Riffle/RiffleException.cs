namespace Riffle;

/// <summary>Something a user can mend: the message names the file, record or option, and says what to do.</summary>
public class RiffleException : Exception
{
    /// <inheritdoc cref="RiffleException"/>
    public RiffleException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}

/// <summary>Data that can't be used: a damaged image, record, checkpoint or data set folder. The message names the file and, where it has one, the
/// offset.</summary>
public sealed class BadDataException : RiffleException
{
    /// <inheritdoc cref="BadDataException"/>
    public BadDataException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
