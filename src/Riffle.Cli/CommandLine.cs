using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Runtime.InteropServices;
using Riffle.Cli.Commands;
using Riffle.Measurement;

namespace Riffle.Cli;

/// <summary>The exit codes of the process.</summary>
internal static class ExitCode
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int Usage = 2;
    public const int BadData = 3;
    public const int HungUp = 129;
    public const int Interrupted = 130;
    public const int Terminated = 143;
}

/// <summary>The command line: the list of commands, and the one place where an exception becomes a message and an exit code.</summary>
internal static class CommandLine
{
    private static readonly Entry[] Commands =
    [
        new("demo", DemoCommand.Create),
        new("summary", SummaryCommand.Create),
        new("draw", DrawCommand.Create),
        new("benchmark", BenchmarkCommand.Create),
        new("learn", LearnCommand.Create),
        new("prepare", PrepareCommand.Create),
        new("check", CheckCommand.Create),
        new("train", TrainCommand.Create),
        new("teach", TeachCommand.Create),
        new("import", ImportCommand.Create),
        new("evaluate", EvaluateCommand.Create),
        new("report", ReportCommand.Create),
        new("predict", PredictCommand.Create),
        new("serve", ServeCommand.Create),
        new("export", ExportCommand.Create),
        new("reproduce", ReproduceCommand.Create),
        new("completions", CompletionsCommand.Create),
    ];

    /// <summary>Creates the command line with all commands.</summary>
    public static RootCommand CreateRoot() => CreateRoot([]);

    /// <summary>Creates what a command line needs: the command that it begins with, because the options of all take longer to create than a prediction, or
    /// all if it begins with something else.</summary>
    private static RootCommand CreateRoot(IReadOnlyList<string> args)
    {
        var root = new RootCommand("Trains, measures and runs ShuffleNet and MobileNet on the CPU.").WithHelp();
        var needed = Commands.Where(command => args.Count > 0 && command.Name == args[0]).ToArray();
        foreach (var command in needed.Length > 0 ? needed : Commands)
            root.Add(command.Create(command.Name));
        Numbers.ReadAll(root);
        RefuseEmpty(root);
        return root;
    }

    /// <summary>Runs the process. Ctrl+C, SIGTERM and a closing terminal ask the command to stop; a second signal ends the process at once.</summary>
    public static int Run(string[] args)
    {
        Texts.Prepare(args);
        using var stop = new CancellationTokenSource();
        var signalled = 0;
        void Stop(PosixSignalContext context, int code)
        {
            // The second signal keeps its default effect, which ends the process.
            if (Interlocked.CompareExchange(ref signalled, code, 0) != 0)
                return;
            context.Cancel = true;
            stop.Cancel();
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Stop(context, ExitCode.Interrupted));
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => Stop(context, ExitCode.HungUp));
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Stop(context, ExitCode.Terminated));
        var code = ExecuteAsRank(args, stop.Token);
        return code == ExitCode.Interrupted && signalled != 0 ? signalled : code;
    }

    /// <summary>Runs one command line in this process and returns its exit code.</summary>
    public static int Execute(IReadOnlyList<string> args, CancellationToken cancel = default) => Execute(CreateRoot(args), args, cancel);

    private static int ExecuteAsRank(string[] args, CancellationToken cancel)
    {
        try
        {
            RankedProcess.Begin(args);
            var code = Execute(args, cancel);
            RankedProcess.Leave(code);
            return code;
        }
        catch (Exception e)
        {
            return Fail(e);
        }
    }

    private static int Fail(Exception exception)
    {
        var (code, message) = Explain(exception);
        RankedProcess.Fail(code, message);
        return code;
    }

    internal static int Execute(RootCommand root, IReadOnlyList<string> args, CancellationToken cancel = default)
    {
        try
        {
            var parse = Parse(root, args);
            if (parse.Action is ParseErrorAction)
                return Help.ShowUsage(parse);
            var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
            return parse.InvokeAsync(configuration, cancel).GetAwaiter().GetResult();
        }
        catch (Exception e)
        {
            return Fail(e);
        }
    }

    internal static ParseResult Parse(RootCommand root, IReadOnlyList<string> args)
    {
        try
        {
            // No response files: an image may be named @cat.jpg.
            return root.Parse([.. args.Select(Spelling.British)], new ParserConfiguration { ResponseFileTokenReplacer = null });
        }
        catch (InvalidOperationException e)
        {
            // An option's validator asked for the value of an invalid number; the message names the option.
            throw new ArgumentException(e.Message, e);
        }
    }

    /// <summary>Sets a command's action. It gets the parsed arguments and a token that Ctrl+C cancels, and returns the exit code.</summary>
    public static Command WithAction(this Command command, Func<ParseResult, CancellationToken, int> action)
    {
        command.SetAction((parse, cancel) =>
        {
            // A command may decode images for minutes before it computes, so check RIFFLE_VECTOR first.
            RequireVectors();
            return Task.FromResult(action(parse, cancel));
        });
        return command;
    }

    /// <summary>Refuses empty values. They come from unset variables in scripts and must not mean the current folder.</summary>
    private static void RefuseEmpty(Command command)
    {
        foreach (var option in command.Options)
            option.Validators.Add(result => Refuse(result, option.Name));
        foreach (var argument in command.Arguments)
            argument.Validators.Add(result => Refuse(result, argument.Name));
        foreach (var child in command.Subcommands)
            RefuseEmpty(child);

        static void Refuse(SymbolResult result, string name)
        {
            if (result.Tokens.Any(token => token.Value.Length == 0) && !result.Errors.Any())
                result.AddError($"{name} is empty.");
        }
    }

    /// <summary>Checks RIFFLE_VECTOR.</summary>
    /// <exception cref="ArgumentException">It names a width that this machine can't run.</exception>
    private static void RequireVectors()
    {
        try
        {
            _ = NetworkBenchmark.VectorBits;
        }
        catch (RiffleException e)
        {
            throw new ArgumentException(e.Message, e);
        }
    }

    /// <summary>An error, and what to do about it here.</summary>
    internal static string Message(RiffleException error) => error.CommandLineAdvice is { } advice ? $"{error.Message} {advice}" : error.Message;

    internal static (int Code, string Message) Explain(Exception exception) => exception switch
    {
        // .NET wraps exceptions of parallel threads and of type initialisers.
        AggregateException { InnerExceptions: [var first, ..] } => Explain(first),
        TypeInitializationException { InnerException: { } inner } => Explain(inner),
        OperationCanceledException => (ExitCode.Interrupted, "interrupted"),
        RiffleException riffle => (riffle is BadDataException ? ExitCode.BadData : ExitCode.Failed, Message(riffle)),
        IOException or UnauthorizedAccessException => (ExitCode.Failed, exception.Message),
        AdvisedArgumentException advised => (ExitCode.Usage, $"{advised.Message} {advised.CommandLineAdvice}"),

        // The request is invalid: an unknown network, a size that is too small.
        ArgumentException => (ExitCode.Usage, exception.Message),
        OutOfMemoryException => (ExitCode.Failed, $"not enough memory ({exception.Message}); use smaller images, a smaller batch or fewer --threads"),
        _ => (ExitCode.Failed, $"this is a bug in Riffle; please report it with the lines below\n{exception}"),
    };

    /// <summary>A command: its name, and what creates it.</summary>
    private sealed record Entry(string Name, Func<string, Command> Create);
}
