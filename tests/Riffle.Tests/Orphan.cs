using Xunit.Sdk;
using Xunit.v3;

[assembly: TestPipelineStartup(typeof(Riffle.Tests.Orphan))]

namespace Riffle.Tests;

/// <summary>
/// Ends the process of the tests with the one that started it. xunit runs tests in a process of their own: where one hangs, <c>--blame-hang</c> ends the
/// process that waits for them, and they would run on for ever.
/// </summary>
public sealed class Orphan : ITestPipelineStartup
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    public ValueTask StartAsync(IMessageSink diagnosticMessageSink)
    {
        if (OperatingSystem.IsLinux())
        {
            var parent = Parent();
            new Thread(() => ExitAfter(parent)) { IsBackground = true }.Start();
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask StopAsync() => ValueTask.CompletedTask;

    private static void ExitAfter(string parent)
    {
        while (Parent() == parent)
            Thread.Sleep(Interval);
        Environment.FailFast("The process that started the tests is gone.");
    }

    /// <summary>The fourth field of the process's state, behind its name in brackets.</summary>
    private static string Parent()
    {
        var state = File.ReadAllText("/proc/self/stat");
        return state[(state.LastIndexOf(')') + 2)..].Split(' ')[1];
    }
}
