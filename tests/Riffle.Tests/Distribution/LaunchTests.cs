using Riffle.Distribution.Mpi;
using Riffle.Tests.Cli;
using Riffle.Tests.Training;

namespace Riffle.Tests.Distribution;

public class LaunchTests
{
    public static TheoryData<string, int, int?, string> Environments => new()
    {
        { "OMPI_COMM_WORLD_RANK=3 OMPI_COMM_WORLD_SIZE=4 PMIX_RANK=3", 3, 4, "Open MPI's mpirun" },
        { "PMI_RANK=1 PMI_SIZE=2 MPI_LOCALNRANKS=2", 1, 2, "PMI" },
        { "SLURM_PROCID=5 SLURM_NTASKS=8 SLURM_STEP_NUM_TASKS=8 PMIX_RANK=5", 5, 8, "PMIx" },
        { "SLURM_PROCID=5 SLURM_NTASKS=8 SLURM_STEP_NUM_TASKS=8 PMI_RANK=5 PMI_SIZE=8", 5, 8, "PMI" },
    };

    [Theory]
    [MemberData(nameof(Environments))]
    public void Each_launcher_is_known_by_its_variables(string environment, int rank, int? count, string launcher)
    {
        var found = Find(environment)!;
        Assert.Equal((rank, count, launcher), (found.Rank, found.Count, found.Launcher));
        Assert.NotEmpty(found.Libraries);
        Assert.Equal(["/opt/lib/libmpi.so"], Find(environment + " RIFFLE_MPI=/opt/lib/libmpi.so")!.Libraries);
    }

    [Theory]
    [InlineData("")]
    [InlineData("SLURM_JOB_ID=7 SLURM_NTASKS=4 SLURM_PROCID=0")]
    [InlineData("PMI_RANK= PMI_SIZE=")]
    public void A_process_that_no_launcher_has_started_is_alone(string environment) => Assert.Null(Find(environment));

    [Fact]
    public void Tasks_that_srun_starts_without_mpi_are_refused() =>
        Assert.Contains("--mpi=", Error.OnCommandLine(Assert.Throws<RiffleException>(() => Find("SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=4"))));

    /// <summary>One rank needs no library of MPI, and none is looked for.</summary>
    [Fact]
    public void One_rank_trains_as_if_alone()
    {
        using var data = new TinyDataset();
        var result = Train(data, "OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_SIZE=1", "RIFFLE_MPI=libnothing.so");
        Assert.Equal(0, result.ExitCode);
        Assert.DoesNotContain("ranks", result.Error);
    }

    [Fact]
    public void A_library_that_is_not_there_is_named()
    {
        using var data = new TinyDataset();
        var result = Train(data, "OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_SIZE=2", "RIFFLE_MPI=libnothing.so");
        Assert.Equal(1, result.ExitCode);
        Error.Names(result.Error, "Open MPI's mpirun", "libnothing.so", "RIFFLE_MPI");
    }

    [Fact]
    public void A_library_of_something_else_is_named()
    {
        using var data = new TinyDataset();
        var result = Train(data, "PMI_RANK=0", "PMI_SIZE=2", "RIFFLE_MPI=libc.so.6");
        Assert.Equal(1, result.ExitCode);
        Error.Names(result.Error, "libc.so.6", "not a library of MPI", "RIFFLE_MPI");
    }

    private static Shell.Result Train(TinyDataset data, params string[] environment) => Shell.Run(
        "dotnet",
        Shell.Arguments("train", "--data", data.DataFolder, "--out", data.Run("run"), "--model", "shufflenet-v1-g3-x0.25", "--size", "24", "--batch", "35", "--epochs", "1"),
        environment: Variables(string.Join(' ', environment)));

    private static Launch? Find(string environment) => Launch.Find(Variables(environment).GetValueOrDefault);

    private static Dictionary<string, string> Variables(string environment) =>
        environment.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => word.Split('=', 2)).ToDictionary(words => words[0], words => words[1]);
}
