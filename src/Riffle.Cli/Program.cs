return Riffle.Cli.CommandLine.Run(args);
