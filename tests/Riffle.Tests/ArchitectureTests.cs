using System.Reflection;
using System.Text.RegularExpressions;
using Riffle.Exchange;
using Riffle.Networks;
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
    /// An operator says of itself what it is, how it is computed and how it is exchanged as ONNX (Networks/Operators). Everything else may make operators, but
    /// does not ask which one a layer has: by its type, by a switch or by its name.
    /// </summary>
    [Fact]
    public void Nothing_but_operators_asks_which_operator_a_layer_has()
    {
        var asks = AsksForAnOperator();
        var wrong =
            from folder in (string[])[Library, Path.Combine(Shell.Root, "src", "Riffle.Cli"), Path.Combine(Shell.Root, "benchmarks")]
            from file in Sources(folder)
            let place = Path.GetRelativePath(Shell.Root, file).Replace('\\', '/')
            where !place.StartsWith("src/Riffle/Networks/Operators/", StringComparison.Ordinal) && place != "src/Riffle/Execution/LoweredExtensions.cs"
            from line in File.ReadLines(file)
            where asks.IsMatch(Text().Replace(line, "")) && !line.TrimStart().StartsWith("///", StringComparison.Ordinal)
            select $"{place}: {line.Trim()}";
        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("switch (layer.Operation)")]
    [InlineData("var name = layer.Operation switch")]
    [InlineData("if (layer.Operation is not Relu)")]
    [InlineData("case Networks.Add:")]
    [InlineData("case Relu { Ceiling: 6 }:")]
    [InlineData("if (x is MaxPool or AveragePool)")]
    [InlineData("before is { Operation: Convolution } convolution")]
    [InlineData("var epsilon = ((BatchNorm)norm.Operation).Epsilon;")]
    [InlineData("var pool = operation as MaxPool;")]
    [InlineData("layers.Select(layer => layer.Operation).OfType<Slice>()")]
    [InlineData("operation.GetType() == typeof(Concat)")]
    [InlineData("if (layer.Operation.Name == other)")]
    public void Every_way_to_ask_for_an_operator_is_seen(string line) => Assert.Matches(AsksForAnOperator(), line);

    [Theory]
    [InlineData("Append(null, new Relu(ceiling), x)")]
    [InlineData("layer.Operation.MacsOf(layer)")]
    [InlineData("var value = builder.Convolution(name, x, 8, kernel: 3);")]
    public void To_make_an_operator_or_to_call_it_is_not_to_ask_for_it(string line) => Assert.DoesNotMatch(AsksForAnOperator(), line);

    /// <summary>The names of the nodes that operators are read from stand in the operators' files; the reader of graphs does not know them.</summary>
    [Fact]
    public void The_reader_of_graphs_names_no_node_of_an_operator()
    {
        string[] names = [.. OnnxRules.All.Select(rule => rule.Operator).Except(ConstantFolding.Operators)];
        Assert.Contains("Conv", names);
        var wrong =
            from file in Sources(Path.Combine(Library, "Exchange"))
            from name in names
            where File.ReadAllText(file).Contains($"\"{name}\"", StringComparison.Ordinal)
            select $"{Path.GetRelativePath(Shell.Root, file)}: {name}";
        Assert.Empty(wrong);
    }

    /// <summary>Each operator's own list of nodes is in the table of all of them.</summary>
    [Fact]
    public void Every_rule_of_an_operator_is_in_the_table()
    {
        var rules = OperatorNames.SelectMany(name => (OnnxRule[]?)typeof(Operation).Assembly.GetType($"Riffle.Networks.{name}", throwOnError: true)!
            .GetProperty("Onnx", BindingFlags.NonPublic | BindingFlags.Static)?.GetValue(null) ?? []);
        Assert.Equal(rules.OrderBy(rule => rule.Operator, StringComparer.Ordinal), OnnxRules.All.OrderBy(rule => rule.Operator, StringComparer.Ordinal));
    }

    private static string[] OperatorNames =>
    [
        .. typeof(Operation).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Operation))).Select(type => type.Name),
    ];

    private static Regex AsksForAnOperator()
    {
        var operators = string.Join('|', OperatorNames);
        Assert.Contains("Convolution", operators);
        return new(
            $@"\bOperation\b\)?( is| as| switch|\.GetType|\.Name( is| switch| ==| !=))|\bswitch \(.*\bOperation\)|\b(case|is|not|or|as|Operation:) (Networks\.)?({operators})\b"
            + $@"|\(({operators})\)\w|(typeof\(|OfType<|Cast<)({operators})\b");
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
