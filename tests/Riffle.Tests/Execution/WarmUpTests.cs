using Riffle.Execution;

namespace Riffle.Tests.Execution;

public static class WarmUpTests
{
    /// <summary>On its own thread nobody would see that it fails.</summary>
    [Fact]
    public static void It_runs() => WarmUp.Run();
}
