using System.Globalization;

namespace Riffle.Distribution.Mpi;

/// <summary>What a launcher of MPI tells each process in its environment.</summary>
/// <param name="Launcher">The launcher's name, for messages.</param>
/// <param name="Rank">The rank of this process.</param>
/// <param name="Count">The number of all, if the launcher says so.</param>
/// <param name="Libraries">The libraries that may belong to it, the likeliest first.</param>
internal sealed record Launch(string Launcher, int Rank, int? Count, string[] Libraries)
{
    /// <summary>The environment variable that names the library of MPI to load.</summary>
    public const string LibraryVariable = "RIFFLE_MPI";

    private static readonly string[] OpenMpi = ["libmpi.so.40", "libmpi.so.80", "libmpi.so", "libmpi.40.dylib", "libmpi.dylib"];

    private static readonly string[] Mpich = ["libmpi_abi.so.0", "libmpich.so.12", "libmpi.so.12", "libmpi.12.dylib"];

    /// <summary>Variables of rank and size, by launcher. Slurm sets those of PMI as well, so what is common to several comes last.</summary>
    private static readonly (string Launcher, string Rank, string? Size, string[] Libraries)[] Known =
    [
        ("Open MPI's mpirun", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", [.. OpenMpi, .. Mpich]),
        ("PMIx", "PMIX_RANK", "SLURM_NTASKS", [.. OpenMpi, .. Mpich]),
        ("PMI", "PMI_RANK", "PMI_SIZE", [.. Mpich, .. OpenMpi]),
    ];

    /// <summary>Who started this process as one of several ranks; null: nobody.</summary>
    /// <exception cref="RiffleException">Slurm has, but without MPI.</exception>
    public static Launch? Find() => Find(Environment.GetEnvironmentVariable);

    internal static Launch? Find(Func<string, string?> variable)
    {
        int? Number(string? name) => name is not null && int.TryParse(variable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
        foreach (var (launcher, rank, size, libraries) in Known)
        {
            if (Number(rank) is { } own)
                return new(launcher, own, Number(size), variable(LibraryVariable) is { Length: > 0 } library ? [library] : libraries);
        }

        return Number("SLURM_STEP_NUM_TASKS") > 1
            ? throw new RiffleException("srun has started several tasks without MPI, and each would do the same.")
            {
                CommandLineAdvice = "Start them with srun --mpi=pmix or srun --mpi=pmi2, or start one.",
            }
            : null;
    }
}
