using System.Text.RegularExpressions;
using Riffle.Tests.Cli;

namespace Riffle.Tests;

/// <summary>Dependencies between the folders run one way. Read from the source, so that a name written out in full counts as well as a using.</summary>
public partial class ArchitectureTests
{
    /// <summary>What each folder may use besides itself and the root. A new folder needs a row.</summary>
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Simd"] = [],
        ["Kernels"] = ["Simd"],
        ["Networks"] = [],
        ["Formats"] = [],
        ["Data"] = ["Formats"],
        ["Execution"] = ["Simd", "Kernels", "Networks"],
        ["Exchange"] = ["Execution", "Networks", "Formats"],
        ["Training"] = ["Exchange", "Execution", "Networks", "Data", "Formats"],
        ["Measurement"] = ["Training", "Execution", "Networks", "Data", "Simd"],
        ["Cli"] = ["Measurement", "Training", "Exchange", "Networks", "Data", "Formats", "Execution"],
    };

    public static TheoryData<string> Folders => [.. new DirectoryInfo(Library).GetDirectories().Select(folder => folder.Name).Where(IsSource).Append("Cli")];

    private static string Library => Path.Combine(Shell.Root, "src", "Riffle");

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_folder_uses_only_those_below_it(string folder)
    {
        Assert.True(Allowed.TryGetValue(folder, out var allowed), $"src/Riffle/{folder} has no row in the table of dependencies");
        var path = folder == "Cli" ? Path.Combine(Shell.Root, "src", "Riffle.Cli") : Path.Combine(Library, folder);
        var files = Sources(path).ToArray();
        Assert.NotEmpty(files);
        var wrong =
            from file in files
            from used in Uses(File.ReadAllText(file), folder)
            where !allowed!.Contains(used)
            select $"{Path.GetRelativePath(Shell.Root, file)} uses Riffle.{used}";
        Assert.Empty(wrong.Distinct());
    }

    /// <summary>
    /// An operator says of itself what it is and how it is computed (Networks/Operators); only ONNX's reader and writer, in Exchange, ask which one a layer has.
    /// </summary>
    [Fact]
    public void Nothing_but_operators_and_the_exchange_with_onnx_asks_which_operator_a_layer_has()
    {
        var operators = Directory.GetFiles(Path.Combine(Library, "Networks", "Operators"), "*.cs").Select(file => Path.GetFileNameWithoutExtension(file))
            .Where(name => name is not ("Operation" or "Rules"))
            .ToArray();
        Assert.Contains("Convolution", operators);
        var asks = new Regex($@"\bOperation(:| is| switch)|OperationOf\(|\b(case|is|is not|or) (Networks\.)?({string.Join('|', operators)})\b");
        var wrong =
            from folder in (string[])[Library, Path.Combine(Shell.Root, "src", "Riffle.Cli"), Path.Combine(Shell.Root, "benchmarks")]
            from file in Sources(folder)
            let place = Path.GetRelativePath(Shell.Root, file).Replace('\\', '/')
            where !place.StartsWith("src/Riffle/Networks/Operators/", StringComparison.Ordinal)
                && !place.StartsWith("src/Riffle/Networks/NetworkBuilder", StringComparison.Ordinal)
                && !place.StartsWith("src/Riffle/Exchange/", StringComparison.Ordinal)
            from line in File.ReadLines(file)
            where asks.IsMatch(Text().Replace(line, "")) && !line.TrimStart().StartsWith("///", StringComparison.Ordinal)
            select $"{place}: {line.Trim()}";
        Assert.Empty(wrong);
    }

    [Fact]
    public void The_root_uses_no_folder() =>
        Assert.Empty(Directory.GetFiles(Library, "*.cs").SelectMany(file => Uses(File.ReadAllText(file), "")));

    [Theory]
    [InlineData("using Riffle.Training;", "Training")]
    [InlineData("using static Riffle.Data.Split;", "Data")]
    [InlineData("using T = Riffle.Execution.Weights;", "Execution")]
    [InlineData("var x = new Riffle.Execution.Weights(n);", "Execution")]
    [InlineData("var x = global::Riffle.Data.Random64.Create(1, 2);", "Data")]
    [InlineData("var x = new Execution.Weights(n);", "Execution")]
    [InlineData("/// <see cref=\"Riffle.Training.Trainer\"/>", "Training")]
    public void Every_form_of_reference_is_seen(string line, string used) => Assert.Equal([used], Uses(line, "Networks").Distinct());

    [Theory]
    [InlineData("namespace Riffle.Networks;")]
    [InlineData("throw new RiffleException(\"Riffle\");")]
    [InlineData("plan.Execution.Run(); Formats(1); var Training = 1.0;")]
    [InlineData("var path = \"Riffle.Data.bin\"; // see Riffle.Data.md")]
    public void Nothing_else_is(string line) => Assert.Empty(Uses(line, "Networks"));

    /// <summary>The folders that a source text names, by <c>Riffle.Folder</c> or, as namespaces nest, by <c>Folder.Type</c>.</summary>
    private static IEnumerable<string> Uses(string source, string folder) =>
        from Match match in Reference().Matches(Text().Replace(source, ""))
        let used = match.Groups["folder"].Value
        where used != folder && Allowed.ContainsKey(used)
        select used;

    private static IEnumerable<string> Sources(string folder) =>
        Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
            .Where(file => Path.GetRelativePath(folder, file).Split(Path.DirectorySeparatorChar).All(IsSource));

    private static bool IsSource(string name) => name is not ("bin" or "obj");

    /// <summary>Strings and plain comments; documentation stays, for a reference in it is one to the compiler.</summary>
    [GeneratedRegex("""
        "(\\.|[^"\\\n])*"(?<!cref="[^"]*")|(?<!/)//(?!/)[^\n]*
        """)]
    private static partial Regex Text();

    [GeneratedRegex(@"(?<![\w.])(global::)?Riffle\.(?<folder>[A-Z]\w*)|(?<![\w.])(?<folder>[A-Z]\w*)\.[A-Z]")]
    private static partial Regex Reference();
}
