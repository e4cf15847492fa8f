using System.Globalization;
using System.Text.Json;
using Riffle.Data;
using Riffle.Distillation;
using Riffle.Evaluation;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Tests.Formats;
using Riffle.Training;

namespace Riffle.Tests.Training;

/// <summary>A program's culture, which decides how .NET writes and reads numbers unless it is told, changes nothing in what the library does.</summary>
public sealed class CultureTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void All_files_and_answers_are_the_same_where_numbers_have_a_comma()
    {
        var random = new Random(1);
        foreach (var (name, label) in new[] { ("disc", 0), ("ring", 1) })
        {
            Directory.CreateDirectory(_folder.PathOf($"images/{name}"));
            for (var i = 0; i < 12; i++)
                _folder.Add($"images/{name}/{i}.jpg", TinyDataset.Jpeg(label, random.Next()));
        }

        var plain = In(CultureInfo.InvariantCulture);
        var comma = In(WithComma());
        Assert.Equal(plain.Keys.Order(), comma.Keys.Order());
        Assert.Contains("data/dataset.json", plain.Keys);
        Assert.Contains("run/metrics.csv", plain.Keys);
        Assert.Contains("soft/soft-labels.json", plain.Keys);
        Assert.All(plain, file => Assert.True(file.Value.AsSpan().SequenceEqual(comma[file.Key]), $"{file.Key} differs"));
    }

    /// <summary>Numbers as in German, and signs as in Swedish and other languages.</summary>
    private static CultureInfo WithComma()
    {
        var culture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        var format = culture.NumberFormat;
        (format.NumberDecimalSeparator, format.NumberGroupSeparator, format.PercentDecimalSeparator) = (",", ".", ",");
        (format.NegativeSign, format.PositiveSign, format.NaNSymbol) = ("\u2212", "\uFF0B", "keine Zahl");
        culture.DateTimeFormat.DateSeparator = ".";
        Assert.Equal("\u22121.234,5", (-1234.5).ToString("N1", culture));
        return culture;
    }

    private Dictionary<string, byte[]> In(CultureInfo culture)
    {
        var before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = culture;
        try
        {
            return Run();
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    private Dictionary<string, byte[]> Run()
    {
        string[] folders = ["data", "run", "taught", "soft", "out"];
        var (data, run, taught, soft, output) =
            (_folder.PathOf("data"), _folder.PathOf("run"), _folder.PathOf("taught"), _folder.PathOf("soft"), _folder.PathOf("out"));
        foreach (var folder in folders.Select(_folder.PathOf).Where(Directory.Exists))
            Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(output);

        Preparation.Run(_folder.PathOf("images"), data, new() { ValidationFraction = 0.25, Shards = 2, Threads = 2 }, ImageCodec.Default);
        Assert.Equal(0, DatasetCheck.Run(data, ImageCodec.Default, 2).Faults);
        var dataset = Dataset.Open(data, ImageCodec.Default);
        var network = NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.25", imageSize: 24, classes: 2, units: [1, 1, 1]);
        var recipe = TinyDataset.Recipe(epochs: 2) with { Batch = 6, WeightDecay = 1.5e-5, Augmentation = Augmentation.Full };
        using (var trainer = Trainer.Start(dataset, network, recipe, run, new() { Seed = 3, Threads = 1 }))
            Assert.True(trainer.Run().Completed);
        Trainer.Resume(run, ImageCodec.Default, threads: 1).Dispose();
        Teachers.Teach(soft, [Model.Open(run)], dataset, Augmentation.CropAndFlip, views: 1, threads: 1);
        using (var trainer = Trainer.Start(
            dataset, network, recipe with { Augmentation = Augmentation.CropAndFlip }, taught, new() { Threads = 1, From = FineTuning.Load(run), SoftLabels = soft }))
            Assert.True(trainer.Run().Completed);

        var checkpoint = Checkpoint.Load(run);
        OnnxFile.Write(checkpoint, Path.Combine(output, "model.onnx"));
        OnnxFile.Write(checkpoint, Path.Combine(output, "pixels.onnx"), new(Pixels: true, Softmax: true));
        var labels = Path.Combine(output, "labels.txt");
        File.WriteAllText(labels, "one\ntwo\n");
        var answers = new List<object> { Evaluator.Evaluate(checkpoint, dataset, threads: 1) };
        var pixels = Model.Open(Path.Combine(output, "pixels.onnx"), new(ClassNames.Read(labels)));
        foreach (var model in (Model[])[checkpoint, Model.Open(Path.Combine(output, "model.onnx")), pixels])
        {
            using var classifier = new Classifier(model);
            answers.Add(classifier.Classify(_folder.PathOf("images/ring/0.jpg")));
        }

        File.WriteAllText(Path.Combine(output, "answers.json"), JsonSerializer.Serialize(answers));

        // Events have the time, and the machine's name.
        return folders.SelectMany(folder => Directory.EnumerateFiles(_folder.PathOf(folder), "*", SearchOption.AllDirectories))
            .Where(file => !file.Contains("tfevents", StringComparison.Ordinal))
            .ToDictionary(file => Path.GetRelativePath(_folder.Path, file), File.ReadAllBytes);
    }
}
