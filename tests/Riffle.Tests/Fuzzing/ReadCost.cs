using System.Globalization;

namespace Riffle.Tests.Fuzzing;

/// <summary>What reading a file took of memory, whichever threads and libraries took it. What is counted is the process's, so nothing else may run.</summary>
/// <param name="Managed">Bytes that all threads allocated on the managed heap.</param>
/// <param name="Native">Bytes by which the process grew at its highest beyond that: native libraries, plans. 0 where the system does not tell.</param>
internal readonly record struct ReadCost(long Managed, long Native)
{
    private const string Peak = "VmHWM:", Now = "VmRSS:";

    public static ReadCost Of(Action read)
    {
        var isTold = ForgetPeak();
        var resident = isTold ? Resident(Now) : 0;
        var before = GC.GetTotalAllocatedBytes(precise: true);
        read();
        var managed = GC.GetTotalAllocatedBytes(precise: true) - before;
        return new(managed, isTold ? Math.Max(0, Resident(Peak) - resident - managed) : 0);
    }

    /// <summary>Has Linux count the highest memory anew (proc(5), clear_refs). False on other systems, and where that is forbidden.</summary>
    private static bool ForgetPeak()
    {
        if (!OperatingSystem.IsLinux())
            return false;
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static long Resident(string field)
    {
        var line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(field, StringComparison.Ordinal));
        return 1024 * long.Parse(line.AsSpan(field.Length).Trim().TrimEnd("kB "), NumberStyles.None, CultureInfo.InvariantCulture);
    }
}
