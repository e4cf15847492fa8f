using System.Runtime.Intrinsics;

namespace Riffle.Simd;

/// <summary>The vector widths that kernels are compiled for.</summary>
internal enum VectorLevel
{
    /// <summary>One float at a time.</summary>
    Scalar = 1,

    /// <summary>128 bits: SSE, NEON.</summary>
    Bits128 = 128,

    /// <summary>256 bits: AVX2.</summary>
    Bits256 = 256,

    /// <summary>512 bits: AVX-512.</summary>
    Bits512 = 512,
}

/// <summary>Which widths this machine runs, and which one is used.</summary>
internal static class VectorLevels
{
    /// <summary>Environment variable that forces a width: <c>512</c>, <c>256</c>, <c>128</c> or <c>1</c>.</summary>
    public const string Variable = "RIFFLE_VECTOR";

    /// <summary>
    /// Accelerated widths, widest first: wider was faster on every machine measured. A width that is only emulated is left out, because the
    /// emulation is many times slower than scalar code.
    /// </summary>
    public static IReadOnlyList<VectorLevel> Available { get; } = [.. Enumerate()];

    /// <summary>The width that <see cref="Variable"/> asks for, else the widest.</summary>
    /// <exception cref="RiffleException">The variable names a width that this machine does not have.</exception>
    public static VectorLevel Best => Choose(Environment.GetEnvironmentVariable(Variable));

    internal static VectorLevel Choose(string? wanted)
    {
        if (string.IsNullOrEmpty(wanted))
            return Available[0];
        foreach (var level in Available)
        {
            if (wanted == ((int)level).ToString())
                return level;
        }

        var possible = string.Join(", ", Available.Select(level => (int)level));
        throw new RiffleException($"{Variable}={wanted}: this machine runs {possible}; unset it or choose one of these");
    }

    private static IEnumerable<VectorLevel> Enumerate()
    {
        if (Vector512.IsHardwareAccelerated)
            yield return VectorLevel.Bits512;
        if (Vector256.IsHardwareAccelerated)
            yield return VectorLevel.Bits256;
        if (Vector128.IsHardwareAccelerated)
            yield return VectorLevel.Bits128;
        yield return VectorLevel.Scalar;
    }
}
