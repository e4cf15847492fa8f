// What `riffle serve` starts to decode images; not for people.
if (args is [Riffle.Cli.Commands.ServeCommand.DecoderArgument])
    return Riffle.Cli.Commands.ServeCommand.Decode();

// The kernels are most of what remains to be compiled when a process starts.
if (args is ["predict", ..])
    Riffle.Execution.WarmUp.Begin();
return Riffle.Cli.CommandLine.Run(args);
