using System.Runtime.InteropServices;

namespace Riffle.Measurement;

/// <summary>The machine that this process runs on, as measurements name it.</summary>
internal static class Machine
{
    private const string LinuxProcessors = "/proc/cpuinfo";

    private static readonly string Hardware =
        $"{Environment.MachineName}: {Processor()}, {Environment.ProcessorCount} core{(Environment.ProcessorCount == 1 ? "" : "s")}";

    /// <summary>Its name in the network, its processor and cores, and the vectors that the kernels use.</summary>
    /// <exception cref="RiffleException"><c>RIFFLE_VECTOR</c> requests vectors that the machine does not support.</exception>
    public static string Description => $"{Hardware}, vectors of {NetworkBenchmark.VectorBits} bits";

    private static string Processor()
    {
        var line = File.Exists(LinuxProcessors)
            ? File.ReadLines(LinuxProcessors).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))
            : null;
        return line?[(line.IndexOf(':') + 1)..].Trim()
            ?? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER")
            ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
