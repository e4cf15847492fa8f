using System.Collections.Concurrent;
using Riffle.Simd;

namespace Riffle.Tests.Kernels;

/// <summary>Runs tests at every vector width of this machine, and counts them: the test command prints the count.</summary>
internal static class VectorWidths
{
    private static readonly ConcurrentDictionary<VectorLevel, int> Counts = [];

    static VectorWidths() => AppDomain.CurrentDomain.ProcessExit += (_, _) => Write();

    /// <summary>Every width with every one of some values, for theories. Those that the machine lacks are emulated: slow, but the same arithmetic.</summary>
    public static TheoryData<string, T> With<T>(IEnumerable<T> values)
    {
        var data = new TheoryData<string, T>();
        foreach (var level in VectorLevels.All)
        {
            foreach (var value in values)
                data.Add(level.Name, value);
        }

        return data;
    }

    /// <summary>Runs a body generic over the vector at a width.</summary>
    public static void Run(string width, IVectorBody body) => Count(width).Run(new Work(body));

    /// <summary>The level of a width; notes that a test ran there.</summary>
    public static VectorLevel Count(string width)
    {
        var level = VectorLevels.All.Single(level => level.Name == width);
        Counts.AddOrUpdate(level, 1, (_, count) => count + 1);
        return level;
    }

    private static void Write()
    {
        if (Counts.IsEmpty) // the run was of other tests
            return;

        var folder = Path.Combine(RepositoryRoot(), "artifacts");
        Directory.CreateDirectory(folder);
        static string Name(VectorLevel level) => level.Name == "1" ? "scalar" : $"{level.Name} bits";
        var parts = Counts.OrderByDescending(pair => pair.Key.Bits).Select(pair => $"{pair.Value} at {Name(pair.Key)}");
        File.WriteAllText(Path.Combine(folder, "vector-widths.txt"), $"tests by vector width: {string.Join(", ", parts)}\n");
    }

    private static string RepositoryRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is { Parent: not null } && !File.Exists(Path.Combine(folder.FullName, "Riffle.slnx")))
            folder = folder.Parent;
        return folder?.FullName ?? Path.GetTempPath();
    }

    private sealed class Work(IVectorBody body) : IVectorWork<bool>
    {
        public bool Run<TVec>()
            where TVec : unmanaged, IVec<TVec>
        {
            body.Run<TVec>();
            return true;
        }
    }
}

/// <summary>A test body that is generic over the vector.</summary>
internal interface IVectorBody
{
    void Run<TVec>()
        where TVec : unmanaged, IVec<TVec>;
}
