using System.Reflection;
using System.Text.RegularExpressions;
using Riffle.Exchange;
using Riffle.Networks;
using Riffle.Tests.Cli;

namespace Riffle.Tests;

/// <content>What an operator is stands in its own files, and nowhere else.</content>
public partial class ArchitectureTests
{
    /// <summary>
    /// An operator says of itself what it is, how it is computed and how it is exchanged as ONNX (Networks/Operators). Everything else may make operators, but
    /// does not ask which one a layer has: by its type, by a switch or by its name.
    /// </summary>
    [Fact]
    public void Nothing_but_operators_asks_which_operator_a_layer_has()
    {
        var asks = AsksForAnOperator();
        var wrong =
            from folder in (string[])[Library, .. Projects.Select(project => $"{Library}.{project}"), Path.Combine(Shell.Root, "benchmarks")]
            from file in Sources(folder)
            let place = Path.GetRelativePath(Shell.Root, file).Replace('\\', '/')
            where !place.StartsWith("src/Riffle/Networks/Operators/", StringComparison.Ordinal)
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
    [InlineData("case Relu { Maximum: 6 }:")]
    [InlineData("if (x is MaxPool or AveragePool)")]
    [InlineData("before is { Operation: Convolution } convolution")]
    [InlineData("var epsilon = ((BatchNorm)norm.Operation).Epsilon;")]
    [InlineData("var pool = operation as MaxPool;")]
    [InlineData("layers.Select(layer => layer.Operation).OfType<Slice>()")]
    [InlineData("operation.GetType() == typeof(Concat)")]
    [InlineData("if (layer.Operation.Name == other)")]
    public void Every_way_to_ask_for_an_operator_is_seen(string line) => Assert.Matches(AsksForAnOperator(), line);

    [Theory]
    [InlineData("Append(null, new Relu(maximum), x)")]
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
            @"\bOperation\b\)?( is| as| switch|\.GetType|\.Name( is| switch| ==| !=))|\bswitch \(.*\bOperation\)"
            + $@"|\b(case|is|not|or|as|Operation:) (Networks\.)?({operators})\b|\(({operators})\)\w|(typeof\(|OfType<|Cast<)({operators})\b");
    }
}
