namespace Riffle.Formats;

/// <summary>What a file of PyTorch holds before it is understood.</summary>
/// <param name="Root">The pickled object.</param>
/// <param name="Budget">Limits what is made of the pickle beyond the size of its bytes.</param>
/// <param name="Values">Reads the little-endian values of a storage by its key; null if the file has none.</param>
/// <param name="File">The file, open as long as values may be read; null if all of it is in memory.</param>
internal sealed record TorchContent(object? Root, TorchBudget Budget, Func<string, ReadOnlyMemory<byte>?> Values, IDisposable? File = null) : IDisposable
{
    public void Dispose() => File?.Dispose();
}
