// The kernels are most of what remains to be compiled when a process starts.
if (args is ["predict", ..])
    Riffle.Execution.WarmUp.Begin();
return Riffle.Cli.CommandLine.Run(args);
