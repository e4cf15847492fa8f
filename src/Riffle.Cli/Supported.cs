namespace Riffle.Cli;

/// <summary>Networks from files may be what Riffle can't run or can't train.</summary>
internal static class Supported
{
    /// <summary>Does something with a network that not every network allows.</summary>
    /// <exception cref="RiffleException">This network does not; the message names the layer.</exception>
    public static T Try<T>(string network, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (NotSupportedException e)
        {
            throw new RiffleException($"{network}: {e.Message}", e);
        }
    }
}
