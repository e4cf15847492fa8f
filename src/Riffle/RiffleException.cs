namespace Riffle;

/// <summary>An error that the user can fix. The message names the file, record or option, and says what to do.</summary>
public class RiffleException : Exception
{
    /// <inheritdoc cref="RiffleException"/>
    public RiffleException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
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
