using BenchmarkDotNet.Running;

// Without arguments it asks which kernel to measure; --filter chooses one, and --job short is enough for a first look.
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
