namespace Riffle.Server.Endpoints;

/// <summary>The memory that the bodies of all requests may take at the same time.</summary>
internal sealed class BytesInFlight(ServerOptions options)
{
    private long _taken;

    public bool TryTake(int bytes)
    {
        if (Interlocked.Add(ref _taken, bytes) <= options.MaxBytesInFlight)
            return true;
        Return(bytes);
        return false;
    }

    public void Return(int bytes) => Interlocked.Add(ref _taken, -bytes);
}
