using System.CommandLine;
using Riffle.Server;
using Riffle.Server.Decoding;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle serve</c>.</summary>
internal static class ServeCommand
{
    /// <summary>Takes the place of <c>--api-key</c>, which other users of the machine can see.</summary>
    private const string KeyVariable = "RIFFLE_API_KEY";

    /// <summary>The only argument of a process that decodes for a server.</summary>
    public const string DecoderArgument = "decode-for-server";

    public static Command Create(string name)
    {
        var (options, settings) = (new ServerOptions(), new HostSettings());
        var models = new Argument<string[]>("MODEL")
        {
            Description = "Checkpoint files, run folders (their best checkpoint) or ONNX files. Each is served under the name of its file or folder, or as NAME=MODEL.",
            Arity = ArgumentArity.OneOrMore,
        };
        var input = new InputOptions(
            "an ONNX file that is the only model", "the names that Riffle wrote into the file, otherwise numbers",
            "what Riffle wrote into the file or what the graph's own arithmetic implies, otherwise ImageNet's values");
        var host = new Option<string>("--host")
        {
            HelpName = "ADDRESS",
            Description = "Address to listen on. The default can be reached from this machine only; * is every address.",
            DefaultValueFactory = _ => settings.Host,
        };
        var port = Number("--port", "N", "Port; 0: a free one, which is printed.", new Limits<int>(0, 65_535), settings.Port);
        var grpc = Numbers.Optional("--grpc-port", "N", new Limits<int>(0, 65_535));
        grpc.Description = "Also answer gRPC on this port; 0: a free one, which is printed.";
        var key = new Option<string?>("--api-key") { Description = $"Key that requests must carry. Better in {KeyVariable}, where other users can't see it.", HelpName = "KEY" };
        var threads = TrainingOptions.Threads();
        threads.Description = "Threads that compute. 0: one per core. Does not change results.";
        var queue = Number("--queue", "N", "Images of a model that may wait; past that requests get 503 and when to try again.", new Limits<int>(1, 65_536), options.Queue);
        var batch = Number("--max-batch", "N", "Images in a request at most.", new Limits<int>(1, 65_536), options.MaxBatch);
        var delay = Number("--max-delay", "MS", "Milliseconds that an image may wait for others. 0: the engine takes what is there at once.", new Limits<double>(0, 60_000), 0);
        var body = Number("--max-body", "MIB", "MiB of a request's body at most, also when it is unpacked.", new Limits<int>(1, 2047), options.MaxBodyBytes >> 20);
        var pixels = Number("--max-pixels", "MP", "Millions of pixels of an image at most.", new Limits<int>(1, 200), (int)(options.MaxPixels / 1_000_000));
        var control = new Option<bool>("--allow-model-control") { Description = "Let requests load these models again and unload them." };
        var here = new Option<bool>("--decode-here") { Description = "Decode images in the server itself, not in processes of their own: a little faster, but a file that crashes the decoder ends the server." };
        var drain = Number("--drain", "S", "Seconds from the signal to end, in which the server says that it is not ready but still accepts requests; less if no client is connected.", new Limits<double>(0, 3600), settings.Drain.TotalSeconds);
        var command = new Command(name, "Serves models over HTTP: the Open Inference Protocol, a plain interface, a page to try them, metrics.")
        {
            models, host, port, grpc, key, threads, queue, batch, delay, body, pixels, here, control, drain,
        };
        input.AddTo(command);
        return command
            .WithExamples(
                "riffle serve runs/photos",
                "riffle serve photos=runs/first gestures=models/gestures.safetensors --port 8080",
                "riffle serve resnet.onnx --labels imagenet.txt",
                "riffle serve runs/photos --host '*' --drain 10")
            .WithAction((parse, cancel) =>
            {
                var hints = new OnnxHints(input.Classes(parse), input.Normalisation(parse));
                var names = parse.GetRequiredValue(models);
                if (hints is not { Classes: null, Normalisation: null } && names.Length > 1)
                    throw new ArgumentException("--labels, --mean and --std are for a single model; write them into the others with 'riffle import' first");
                foreach (var model in names)
                    options.Models.Add(ModelSource.Parse(model, hints));
                (options.Threads, options.Queue, options.MaxBatch) = (parse.GetValue(threads), parse.GetValue(queue), parse.GetValue(batch));
                options.MaxDelay = TimeSpan.FromMilliseconds(parse.GetValue(delay));
                (options.MaxBodyBytes, options.MaxPixels) = (parse.GetValue(body) << 20, 1_000_000L * parse.GetValue(pixels));
                options.MaxBytesInFlight = Math.Max(options.MaxBytesInFlight, options.MaxBodyBytes);
                options.ApiKey = parse.GetValue(key) ?? (Environment.GetEnvironmentVariable(KeyVariable) is { Length: > 0 } secret ? secret : null);
                options.DecoderCommand = parse.GetValue(here) ? [] : [.. ThisProgram(), DecoderArgument];
                options.AllowModelControl = parse.GetValue(control);
                settings = settings with { Host = parse.GetValue(host)!, Port = parse.GetValue(port), GrpcPort = parse.GetValue(grpc), Drain = TimeSpan.FromSeconds(parse.GetValue(drain)) };
                var output = parse.InvocationConfiguration.Output;
                RiffleHost.RunAsync(options, settings, addresses => Tell(output, options, addresses, settings.GrpcPort is not null), cancel).GetAwaiter().GetResult();
                return ExitCode.Done;
            });
    }

    /// <summary>Decodes for the server that has started this process.</summary>
    public static int Decode()
    {
        DecodingService.Run(Console.OpenStandardInput(), Console.OpenStandardOutput());
        return ExitCode.Done;
    }

    /// <summary>How to start this program again: by itself, or, where it is no executable, by the dotnet command.</summary>
    private static string[] ThisProgram() => (Environment.ProcessPath!, typeof(ServeCommand).Assembly.Location) is (var host, { Length: > 0 } program)
        && Path.GetFileNameWithoutExtension(host) == "dotnet" ? [host, program] : [Environment.ProcessPath!];

    private static void Tell(TextWriter output, ServerOptions options, IReadOnlyList<string> addresses, bool hasGrpc)
    {
        output.WriteLine($"Serving {string.Join(", ", options.Models.Select(model => model.Name))} on {string.Join(" and ", addresses)}{(hasGrpc ? " (gRPC)" : "")}. Ctrl+C ends it.");
        output.Flush();
    }

    private static Option<T> Number<T>(string name, string value, string description, Limits<T> limits, T usual)
        where T : struct, System.Numerics.INumber<T>, System.Numerics.IMinMaxValue<T>
    {
        var option = Numbers.Option(name, value, limits);
        (option.Description, option.DefaultValueFactory) = (description, _ => usual);
        return option;
    }
}
