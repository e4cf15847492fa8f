using System.Runtime.InteropServices;
using Riffle.Tests.Cli;

namespace Riffle.Tests.Fuzzing;

[Collection(nameof(Alone))]
public class ReadCostTests
{
    private const int Much = 100 << 20;

    [Fact]
    public void What_other_threads_allocate_is_counted()
    {
        var cost = ReadCost.Of(() =>
        {
            var thread = new Thread(() => GC.KeepAlive(new byte[Much]));
            thread.Start();
            thread.Join();
        });
        Assert.InRange(cost.Managed, Much, Much + (1 << 20));
    }

    [LinuxFact]
    public unsafe void Native_memory_that_was_freed_again_is_counted()
    {
        var cost = ReadCost.Of(() =>
        {
            var memory = NativeMemory.Alloc(Much);
            NativeMemory.Fill(memory, Much, 1);
            NativeMemory.Free(memory);
        });
        Assert.InRange(cost.Native, Much * 9L / 10, Much * 2L);
        Assert.InRange(cost.Managed, 0, 1 << 20);
    }
}
