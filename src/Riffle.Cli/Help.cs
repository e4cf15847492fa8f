using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Runtime.CompilerServices;

namespace Riffle.Cli;

/// <summary>What --help and wrong usage show.</summary>
internal static class Help
{
    private static readonly ConditionalWeakTable<Command, string[]> Examples = [];

    /// <summary>Adds command lines that --help shows below the options.</summary>
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

    /// <summary>Says on standard error what is wrong with a command line and returns the exit code for it.</summary>
    public static int ShowUsage(ParseResult parse)
    {
        var configuration = new InvocationConfiguration { Output = Console.Error };
        var name = CommandPath(parse.CommandResult.Command);
        if (parse.Tokens.Count == 0)
        {
            CommandLine.CreateRoot().Parse("--help").Invoke(configuration);
            return ExitCode.Usage;
        }

        ((ParseErrorAction)parse.Action!).ShowHelp = false;
        parse.Invoke(configuration);
        Console.Error.WriteLine($"'{name} --help' shows what is possible.");
        return ExitCode.Usage;
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
