using Riffle;

// dotnet run -- MODEL IMAGE...
using var classifier = Classifier.Load(args[0]);
foreach (var (file, found, error) in classifier.ClassifyAll(args[1..]))
    Console.WriteLine(found is null ? error!.Message : $"{file}: {found.Best.Class} {found.Best.Probability:P1} {found.Verdict}");
