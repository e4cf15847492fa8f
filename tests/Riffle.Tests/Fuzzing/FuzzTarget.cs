using System.Diagnostics;
using Riffle.Data;

namespace Riffle.Tests.Fuzzing;

/// <summary>A reader of files under attack.</summary>
/// <param name="Name">What the test is called by.</param>
/// <param name="Samples">Whole files.</param>
/// <param name="Seal">Makes checksums right after every second damage; null where there are none.</param>
/// <param name="Read">Reads the bytes as a file of this path, which it writes itself where the reader wants one.</param>
/// <param name="MemoryPerByte">Bytes that it may take for each byte of the file, beside a fixed amount: on the managed heap, and as much in native
/// memory.</param>
internal sealed record FuzzTarget(string Name, byte[][] Samples, Func<byte[], byte[]>? Seal, Action<string, byte[]> Read, int MemoryPerByte)
{
    private const long FixedMemory = 24 << 20, FixedNativeMemory = 32 << 20;
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(20);

    /// <summary>Runs cases until one fails; returns what was wrong with it, or null. A case that does not end is left behind on its thread.</summary>
    public (string? Failure, int Refused) Run(string folder, ulong seed, int first, int count)
    {
        var (failure, refused) = Run(folder, Enumerable.Range(first, count), number => Bytes(seed, number));
        return (failure is var (number, wrong) ? $"{Name}, RIFFLE_FUZZ={seed}:{number}: {wrong}" : null, refused);
    }

    /// <summary>Reads one file; returns what was wrong, or null.</summary>
    public string? Run(string folder, byte[] bytes) => Run(folder, [0], _ => bytes).Failure?.Wrong;

    private ((int Number, string Wrong)? Failure, int Refused) Run(string folder, IEnumerable<int> numbers, Func<int, byte[]> bytes)
    {
        var path = Path.Combine(folder, Name);
        var (refused, current, began) = (0, -1, Stopwatch.GetTimestamp());
        (int, string)? failure = null;
        var worker = new Thread(() =>
        {
            foreach (var number in numbers)
            {
                var file = bytes(number);
                Volatile.Write(ref began, Stopwatch.GetTimestamp());
                Volatile.Write(ref current, number);
                if (Case(path, file, ref refused) is { } wrong)
                {
                    failure = (number, wrong);
                    break;
                }
            }
        })
        { IsBackground = true };
        worker.Start();
        while (!worker.Join(TimeSpan.FromMilliseconds(200)))
        {
            if (Stopwatch.GetElapsedTime(Volatile.Read(ref began)) > TimeLimit)
                return ((Volatile.Read(ref current), $"has not ended after {TimeLimit.TotalSeconds} s"), refused);
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

    private string? Case(string path, byte[] bytes, ref int refused)
    {
        Exception? thrown = null;
        var cost = ReadCost.Of(() =>
        {
            try
            {
                Read(path, bytes);
            }
            catch (Exception e)
            {
                thrown = e;
            }
        });
        switch (thrown)
        {
            case RiffleException e when e.Message.Contains(path, StringComparison.Ordinal):
                refused++;
                break;
            case RiffleException e:
                return $"the message does not name the file: {e.Message}";
            case not null:
                return thrown.ToString();
        }

        var allowed = (long)MemoryPerByte * bytes.Length;
        return cost.Managed > FixedMemory + allowed ? $"takes {cost.Managed:N0} bytes for a file of {bytes.Length:N0}"
            : cost.Native > FixedNativeMemory + allowed ? $"takes {cost.Native:N0} bytes of native memory for a file of {bytes.Length:N0}"
            : null;
    }
}
