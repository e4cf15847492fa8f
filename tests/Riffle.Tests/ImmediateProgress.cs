namespace Riffle.Tests;

/// <summary>Hands reports on at once; <see cref="Progress{T}"/> posts them to another thread.</summary>
internal sealed class Told(Action<WorkProgress> tell) : IProgress<WorkProgress>
{
    public void Report(WorkProgress value) => tell(value);
}
