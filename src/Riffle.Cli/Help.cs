using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Runtime.CompilerServices;

namespace Riffle.Cli;

/// <summary>The output of --help and of wrong usage.</summary>
internal static class Help
{
    private static readonly ConditionalWeakTable<Command, string[]> Examples = [];

    /// <summary>Adds examples that --help shows below the options.</summary>
    public static Command WithExamples(this Command command, params string[] examples)
    {
        Examples.AddOrUpdate(command, examples);
        return command;
    }

    /// <summary>Names the program and lets --help show examples.</summary>
    public static RootCommand WithHelp(this RootCommand root)
    {
        root.HelpName = "riffle";
        var option = root.Options.OfType<HelpOption>().Single();
        option.Action = new WithExamplesAction((HelpAction)option.Action!);
        return root;
    }

    /// <summary>Writes the errors of a command line to standard error and returns the exit code.</summary>
    public static int ShowUsage(ParseResult parse)
    {
        if (parse.Tokens.Count == 0)
        {
            CommandLine.CreateRoot().Parse("--help").Invoke(new InvocationConfiguration { Output = Console.Error });
            return ExitCode.Usage;
        }

        // The first unknown word is enough: others, and "a command is missing", are consequences of it.
        var errors = parse.UnmatchedTokens.Count > 0
            ? [$"unknown command, option or argument '{parse.UnmatchedTokens[0]}'.{Suggestion(parse)}"]
            : parse.Errors.Select(error => error.Message);
        foreach (var error in errors)
            Console.Error.WriteLine($"riffle: {error}");
        Console.Error.WriteLine($"See '{CommandPath(parse.CommandResult.Command)} --help'.");
        return ExitCode.Usage;
    }

    /// <summary>A suggestion for the first unknown word, from the library's report, which lists one name per line below a question.</summary>
    private static string Suggestion(ParseResult parse)
    {
        using var report = new StringWriter();
        ((ParseErrorAction)parse.Action!).ShowHelp = false;
        parse.Invoke(new InvocationConfiguration { Output = report, Error = TextWriter.Null });
        var lines = report.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (lines.Length == 0 || !lines[0].StartsWith($"'{parse.UnmatchedTokens[0]}'", StringComparison.Ordinal))
            return "";
        // Any one-letter word is close to -h.
        var names = lines.Skip(1).TakeWhile(line => !line.EndsWith('?')).Where(name => name.Length > 2).ToArray();
        return names.Length == 0 ? "" : $" Did you mean {string.Join(" or ", names)}?";
    }

    private static string CommandPath(Command command) =>
        command is RootCommand root ? root.HelpName! : $"{CommandPath((Command)command.Parents.Single())} {command.Name}";

    private sealed class WithExamplesAction(HelpAction help) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            help.Invoke(parseResult);
            if (Examples.TryGetValue(parseResult.CommandResult.Command, out var examples))
            {
                var output = parseResult.InvocationConfiguration.Output;
                output.WriteLine("Examples:");
                foreach (var example in examples)
                    output.WriteLine($"  {example}");
                output.WriteLine();
            }

            return ExitCode.Done;
        }
    }
}
