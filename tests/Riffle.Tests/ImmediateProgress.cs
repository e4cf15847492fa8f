namespace Riffle.Tests;

/// <summary>Hands reports on at once; <see cref="Progress{T}"/> posts them to another thread.</summary>
internal sealed class ImmediateProgress(Action<WorkProgress> report) : IProgress<WorkProgress>
{
    public void Report(WorkProgress value) => report(value);
}
