using BenchmarkDotNet.Running;

// Without arguments it asks which kernel to measure; --filter chooses one, and --job short is enough for a first look. Benchmarks run in this process, whose
// runtime settings are those of the other programs here.
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run([.. args, "--inProcess"]);
