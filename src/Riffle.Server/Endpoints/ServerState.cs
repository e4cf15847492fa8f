namespace Riffle.Server.Endpoints;

/// <summary>Whether the server is about to end.</summary>
internal sealed class ServerState
{
    private volatile bool _isDraining;

    public bool IsDraining => _isDraining;

    /// <summary>From now on the server says that it is not ready; it answers all the same.</summary>
    public void Drain() => _isDraining = true;
}
