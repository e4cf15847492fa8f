using System.CommandLine;
using System.Text.Json;
using Riffle.Cli;

namespace Riffle.Tests.Cli;

public class CommandLineTests
{
    public static TheoryData<string> Commands => [.. CommandLine.CreateRoot().Subcommands.Select(command => command.Name)];

    [Fact]
    public void Commands_come_in_the_order_of_use() =>
        Assert.Equal(
            ["demo", "summary", "draw", "benchmark", "learn", "prepare", "check", "train", "teach", "import", "evaluate", "report", "predict", "serve", "export", "reproduce", "completions"],
            CommandLine.CreateRoot().Subcommands.Select(command => command.Name));

    [Fact]
    public void A_summary_as_json_is_one_document_and_nothing_else()
    {
        var result = Shell.Riffle("summary", "shufflenet-v1-g3-x1.0", "--json");

        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        using var document = JsonDocument.Parse(result.Output);
        Assert.Equal("shufflenet-v1-g3-x1.0", document.RootElement.GetProperty("model").GetString());
    }

    [Theory]
    [InlineData("summary", "shufflenet-v3-x1.0")]
    [InlineData("summary", "shufflenet-v1-g3-x1.0", "--size", "3")]
    [InlineData("benchmark", "shufflenet-v3-x1.0")]
    [InlineData("benchmark", "shufflenet-v1-g3-x0.25", "--batch", "1,x")]
    [InlineData("train", "--model", "shufflenet-v1-g3-x1.0")]
    [InlineData("demo", "--epochs", "many")]
    [InlineData("demo", "--epochs", "0")]
    public void What_cannot_be_is_wrong_usage_said_in_few_lines(params string[] args)
    {
        var result = Shell.Riffle(args);

        Assert.Equal((2, ""), (result.ExitCode, result.Output));
        Assert.StartsWith("riffle: ", result.Error, StringComparison.Ordinal);
        Assert.InRange(result.Error.Split('\n').Length, 2, 6);
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void Help_of_each_command_shows_examples_that_parse(string command)
    {
        var help = Shell.Riffle(command, "--help");

        Assert.Equal((0, ""), (help.ExitCode, help.Error));
        Assert.Contains($"Usage:\n  riffle {command} ", help.Output, StringComparison.Ordinal);
        var examples = help.Output.Split('\n').SkipWhile(line => line != "Examples:").Skip(1).Where(line => line.Length > 0).ToArray();
        Assert.NotEmpty(examples);
        Assert.All(examples, line => Assert.Matches($"^  (mpirun -n [0-9] )?riffle {command}", line));
        Assert.All(examples, line => Assert.Empty(CommandLine.CreateRoot().Parse(line.Split("riffle ", 2)[1]).Errors));
    }

    [Theory]
    [InlineData("sumary", "summary")]
    [InlineData("trian", "train")]
    public void A_mistyped_command_is_wrong_usage_and_the_right_one_is_suggested(string typed, string meant)
    {
        var result = Shell.Riffle(typed);

        Assert.Equal((2, ""), (result.ExitCode, result.Output));
        Assert.Contains($"'{typed}'", result.Error, StringComparison.Ordinal);
        Assert.Contains(meant, result.Error, StringComparison.Ordinal);
        Assert.Contains("'riffle --help'", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_mistyped_option_is_wrong_usage_and_the_right_one_is_suggested()
    {
        var result = Shell.Riffle("demo", "--epoch", "3");

        Assert.Equal((2, ""), (result.ExitCode, result.Output));
        Assert.Contains("--epochs", result.Error, StringComparison.Ordinal);
        Assert.Contains("'riffle demo --help'", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_command_the_help_is_shown_as_wrong_usage()
    {
        var result = Shell.Riffle();

        Assert.Equal((2, ""), (result.ExitCode, result.Output));
        Assert.Contains("Usage:", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void An_argument_that_begins_with_an_at_sign_is_a_file_name() =>
        Assert.Empty(CommandLine.Parse(CommandLine.CreateRoot(), ["predict", "run", "@cat.jpg"]).Errors);

    public static TheoryData<Exception, int> Exceptions => new()
    {
        { new RiffleException("the disk is full"), 1 },
        { new BadDataException("train-00003: bad checksum at 1234"), 3 },
        { new ArgumentException("no network is named x"), 2 },
        { new OperationCanceledException(), 130 },
        { new FileNotFoundException("no such file"), 1 },
        { new UnauthorizedAccessException("denied"), 1 },
        { new InvalidOperationException("a bug"), 1 },
    };

    [Theory]
    [MemberData(nameof(Exceptions), DisableDiscoveryEnumeration = true)]
    public void An_exception_becomes_its_exit_code(Exception exception, int code)
    {
        var root = new RootCommand { new Command("fail").WithAction((_, _) => throw exception) };

        Assert.Equal(code, CommandLine.Execute(root, ["fail"]));
    }

    [Fact]
    public void An_exception_within_those_that_dotnet_puts_around_it_is_the_one_to_tell()
    {
        var inner = new BadDataException("a: damaged");
        Assert.Equal((3, "a: damaged"), CommandLine.Explain(new AggregateException(inner, new InvalidOperationException())));
        Assert.Equal((3, "a: damaged"), CommandLine.Explain(new TypeInitializationException("T", new AggregateException(inner))));
        Assert.Contains("memory", CommandLine.Explain(new InsufficientMemoryException("no")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("999")]
    [InlineData("abc")]
    [InlineData("0")]
    [InlineData(" 256")]
    [InlineData("256,5")]
    public void A_vector_width_that_there_is_not_is_wrong_usage_of_every_command(string width)
    {
        var environment = new Dictionary<string, string> { ["RIFFLE_VECTOR"] = width };
        foreach (var line in (string[][])
            [["summary"], ["benchmark", "shufflenet-v1-g1-x0.25"], ["predict", "m", "i"], ["reproduce", "--data", "d", "--out", "o"]])
        {
            var result = Shell.Run("dotnet", Shell.Arguments(line), environment: environment);
            Assert.Equal((ExitCode.Usage, ""), (result.ExitCode, result.Output));
            Error.Names(result.Error, $"RIFFLE_VECTOR={width}");
        }
    }

    [Theory]
    [InlineData("train", "--data", "", "--model", "m", "--out", "o")]
    [InlineData("train", "--data", "d", "--model", "m", "--out", "")]
    [InlineData("predict", "", "a.jpg")]
    [InlineData("predict", "m", "")]
    [InlineData("check", "")]
    public void An_empty_word_is_no_name(params string[] args) =>
        Assert.Contains(CommandLine.Parse(CommandLine.CreateRoot(), args).Errors, error => error.Message.EndsWith(" is empty.", StringComparison.Ordinal));

    [Fact]
    public void Only_a_bug_shows_where_it_happened()
    {
        Assert.Equal("the disk is full", CommandLine.Explain(new RiffleException("the disk is full")).Message);
        Assert.Contains(nameof(InvalidOperationException), CommandLine.Explain(new InvalidOperationException("a bug")).Message, StringComparison.Ordinal);
    }

    [LinuxFact]
    public void What_a_full_disk_keeps_standard_error_from_saying_is_left_out()
    {
        var result = Shell.Run("sh", ["-c", "exec dotnet \"$@\" 2> /dev/full", "sh", .. Shell.Arguments("summary", "no-such-network")]);
        Assert.Equal((ExitCode.Usage, ""), (result.ExitCode, result.Output));
    }

    [Fact]
    public void A_command_returns_its_own_exit_code_and_sees_the_token()
    {
        using var source = new CancellationTokenSource();
        CancellationToken seen = default;
        var root = new RootCommand
        {
            new Command("act").WithAction((_, cancel) =>
            {
                source.Cancel();
                seen = cancel;
                return 7;
            }),
        };

        Assert.Equal(7, CommandLine.Execute(root, ["act"], source.Token));
        Assert.True(seen.IsCancellationRequested);
    }
}
