using System.Runtime.Intrinsics;

namespace Riffle.Simd;

/// <summary>What is done with a vector of some level.</summary>
internal interface IVectorWork<out TResult>
{
    TResult Run<TVec>()
        where TVec : unmanaged, IVec<TVec>;
}

/// <summary>A vector that kernels are compiled for.</summary>
/// <param name="Name">What <see cref="VectorLevels.Variable"/> calls it.</param>
/// <param name="Bits">Its width. Levels of the same width may differ in their instructions.</param>
/// <param name="InstructionSets">What it compiles to.</param>
/// <param name="IsAccelerated">Whether this machine has them.</param>
internal abstract record VectorLevel(string Name, int Bits, string InstructionSets, bool IsAccelerated)
{
    /// <summary>Does some work with this level's vector.</summary>
    public abstract TResult Run<TResult>(IVectorWork<TResult> work);

    /// <inheritdoc/>
    public sealed override string ToString() => Name;
}

/// <inheritdoc/>
internal sealed record VectorLevel<TVec>(string Name, int Bits, string InstructionSets, bool IsAccelerated)
    : VectorLevel(Name, Bits, InstructionSets, IsAccelerated)
    where TVec : unmanaged, IVec<TVec>
{
    /// <inheritdoc/>
    public override TResult Run<TResult>(IVectorWork<TResult> work) => work.Run<TVec>();
}

/// <summary>The levels there are, those that this machine runs, and the one that is used. To add one, add an entry to <see cref="All"/>.</summary>
internal static class VectorLevels
{
    /// <summary>Environment variable that forces a level by its name: <c>512</c>, <c>256</c>, <c>128</c> or <c>1</c>.</summary>
    public const string Variable = "RIFFLE_VECTOR";

    /// <summary>All levels, fastest first: wider was faster on every machine measured.</summary>
    public static IReadOnlyList<VectorLevel> All { get; } =
    [
        new VectorLevel<Vec512>("512", 512, "AVX-512", Vector512.IsHardwareAccelerated),
        new VectorLevel<Vec256>("256", 256, "AVX2", Vector256.IsHardwareAccelerated),
        new VectorLevel<Vec128>("128", 128, "SSE4.1, NEON", Vector128.IsHardwareAccelerated),
        new VectorLevel<VecScalar>("1", 32, "none", IsAccelerated: true),
    ];

    /// <summary>
    /// The levels that this machine accelerates, fastest first. One that would be emulated is left out: emulation is many times slower than scalar code.
    /// </summary>
    public static IReadOnlyList<VectorLevel> Available { get; } = [.. All.Where(level => level.IsAccelerated)];

    /// <summary>The level that <see cref="Variable"/> asks for, else that of <see cref="Prefer"/>, else the fastest.</summary>
    /// <exception cref="RiffleException">The variable names a level that this machine does not have.</exception>
    public static VectorLevel Best =>
        Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } wanted ? Choose(wanted) : Preferred.Value ?? Available[0];

    private static readonly AsyncLocal<VectorLevel?> Preferred = new();

    /// <summary>
    /// Uses vectors of this width in what the caller does from here on, if the machine has them and <see cref="Variable"/> is not set.
    /// </summary>
    /// <returns>Ends it when disposed of.</returns>
    public static IDisposable Prefer(int bits)
    {
        var preference = new Preference(Preferred.Value);
        Preferred.Value = Available.FirstOrDefault(level => level.Bits == bits);
        return preference;
    }

    internal static VectorLevel Choose(string? wanted)
    {
        if (string.IsNullOrEmpty(wanted))
            return Available[0];
        return Available.FirstOrDefault(level => level.Name == wanted)
            ?? throw new RiffleException($"{Variable}={wanted}: this machine runs {string.Join(", ", Available)}; unset it or choose one of these");
    }

    private sealed class Preference(VectorLevel? before) : IDisposable
    {
        public void Dispose() => Preferred.Value = before;
    }
}
