using System.Diagnostics;
using Riffle.Data;

namespace Riffle.Tests.Fuzzing;

/// <summary>A reader of files under attack.</summary>
/// <param name="Name">What the test is called by.</param>
/// <param name="Samples">Whole files.</param>
/// <param name="Seal">Makes checksums right after every second damage; null where there are none.</param>
/// <param name="Read">Reads the bytes as a file of this path, which it writes itself where the reader wants one.</param>
/// <param name="MemoryPerByte">Managed bytes that it may take for each byte of the file, beside a fixed amount.</param>
internal sealed record FuzzTarget(string Name, byte[][] Samples, Func<byte[], byte[]>? Seal, Action<string, byte[]> Read, int MemoryPerByte)
{
    private const long FixedMemory = 24 << 20;
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(20);

    /// <summary>Runs cases until one fails; returns what was wrong with it, or null. A case that does not end is left behind on its thread.</summary>
    public (string? Failure, int Refused) Run(string folder, ulong seed, int first, int count)
    {
        var path = Path.Combine(folder, Name);
        var (failure, refused, current, began) = ((string?)null, 0, first, Stopwatch.GetTimestamp());
        var worker = new Thread(() =>
        {
            for (var number = first; number < first + count && failure is null; number++)
            {
                Volatile.Write(ref began, Stopwatch.GetTimestamp());
                Volatile.Write(ref current, number);
                if (Case(path, seed, number, ref refused) is { } wrong)
                    Volatile.Write(ref failure, Describe(seed, number, wrong));
            }
        })
        { IsBackground = true };
        worker.Start();
        while (!worker.Join(TimeSpan.FromMilliseconds(200)))
        {
            if (Stopwatch.GetElapsedTime(Volatile.Read(ref began)) > TimeLimit)
                return (Describe(seed, Volatile.Read(ref current), $"has not ended after {TimeLimit.TotalSeconds} s"), refused);
        }

        return (failure, refused);
    }

    /// <summary>The damaged file of a case.</summary>
    public byte[] Bytes(ulong seed, int number)
    {
        var random = Random64.Create(seed, (ulong)number, (ulong)Name.Sum(c => c));
        var bytes = Mutation.Apply(Samples[random.Next(Samples.Length)], ref random);
        return Seal is not null && random.Next(2) == 0 ? Seal(bytes) : bytes;
    }

    private string? Case(string path, ulong seed, int number, ref int refused)
    {
        var bytes = Bytes(seed, number);
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            Read(path, bytes);
        }
        catch (RiffleException e) when (e.Message.Contains(path, StringComparison.Ordinal))
        {
            refused++;
        }
        catch (RiffleException e)
        {
            return $"the message does not name the file: {e.Message}";
        }
        catch (Exception e)
        {
            return e.ToString();
        }

        var taken = GC.GetAllocatedBytesForCurrentThread() - before;
        return taken > FixedMemory + ((long)MemoryPerByte * bytes.Length) ? $"takes {taken:N0} bytes for a file of {bytes.Length:N0}" : null;
    }

    private string Describe(ulong seed, int number, string wrong) => $"{Name}, RIFFLE_FUZZ={seed}:{number}: {wrong}";
}
