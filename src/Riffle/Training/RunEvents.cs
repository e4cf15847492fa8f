using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Formats;
using Riffle.Formats.Protos;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;

namespace Riffle.Training;

/// <summary>
/// The TensorBoard events of a run, under the names that Keras uses: <c>train/</c> and <c>validation/</c> with a point per epoch, histograms of the kernels,
/// loss, total cost and accuracy of every batch, and images that were misclassified; hyper-parameters in the run's own folder.
/// </summary>
/// <remarks>Each process that continues a run writes its own files, which TensorBoard joins. Epochs count from 1, as everywhere in Riffle.</remarks>
internal sealed class RunEvents(string run, NetworkSpec network, IReadOnlyList<DatasetClass> classes, IImageCodec codec) : IDisposable
{
    /// <summary>The number of misclassified images to write per epoch.</summary>
    public const int Mistakes = 8;

    private const string BatchPrefix = "batch_", EpochLoss = "epoch_loss";
    private const int BufferedSteps = 512, JpegQuality = 90;
    private static readonly TimeSpan FlushInterval = TimeSpan.FromSeconds(10);

    private readonly StepEvents[] _steps = new StepEvents[BufferedSteps];
    private int _buffered;
    private long _flushed = Stopwatch.GetTimestamp();
    private EventFileWriter? _train, _validation, _session;

    private static double Now => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0;

    private string TrainFolder => Path.Combine(run, "train");

    private string ValidationFolder => Path.Combine(run, "validation");

    /// <summary>
    /// Brings existing events in line with a checkpoint. Events written after it, before a crash, are removed, because they will be written again. Events of
    /// finished epochs that a power cut has lost are written again from their metrics.
    /// </summary>
    /// <param name="record">The checkpoint's record.</param>
    /// <param name="stepsTaken">The total number of steps.</param>
    public void GoOn(TrainingRecord record, long stepsTaken)
    {
        var (epochs, history) = (record.Progress.Epochs, record.History);
        bool Keep(Event e) => e.Summary is not { Value: [var value, ..] }
            || e.Step <= (value.Tag.StartsWith(BatchPrefix, StringComparison.Ordinal) ? stepsTaken : epochs);
        HashSet<long> Epochs(string folder) =>
        [
            .. Files(folder).SelectMany(file => EventFile.Keep(file, Keep)).Where(e => e.Summary?.Value is [{ Tag: EpochLoss }, ..]).Select(e => e.Step),
        ];
        var (train, validation) = (Epochs(TrainFolder), Epochs(ValidationFolder));
        foreach (var epoch in history.Where(epoch => !train.Contains(epoch.Epoch)))
            WriteMetrics(Train, epoch, epoch.Train);
        foreach (var epoch in history.Where(epoch => !validation.Contains(epoch.Epoch)))
            WriteMetrics(Validation, epoch, epoch.Validation);
        if (!Files(run).Any(HasSession))
            WriteSession(record);
        Flush();
    }

    /// <summary>Records a step. Allocates nothing, except when it writes the recorded steps now and then.</summary>
    /// <param name="step">The total number of steps, including this one.</param>
    /// <param name="loss">Mean loss of its batch.</param>
    /// <param name="cost">That plus the L2 term.</param>
    /// <param name="accuracy">Share of the batch whose label has the highest logit.</param>
    public void Step(long step, double loss, double cost, double accuracy)
    {
        _steps[_buffered++] = new(step, (float)loss, (float)cost, (float)accuracy, Now);
        if (_buffered == _steps.Length || Stopwatch.GetElapsedTime(_flushed) > FlushInterval)
            Flush();
    }

    /// <summary>Adds an epoch.</summary>
    /// <param name="report">The epoch.</param>
    /// <param name="weights">The weights after it.</param>
    /// <param name="mistakes">Misclassified validation images.</param>
    public void Epoch(EpochReport report, Weights weights, IReadOnlyList<ClassifiedImage> mistakes)
    {
        var (metrics, now) = (report.Metrics, Now);
        WriteSteps();
        WriteMetrics(Train, metrics, metrics.Train);
        WriteMetrics(Validation, metrics, metrics.Validation);
        Train.Scalar("epoch_images_per_second", metrics.Epoch, (float)(report.TrainingImages / Math.Max(report.Training.TotalSeconds, 1e-9)), now);
        foreach (var p in weights.Network.Parameters.Where(p => p.Kind == ParameterKind.Kernel))
            Train.Histogram($"{p.Name}/histogram", metrics.Epoch, weights[p.Name], now);
        if (mistakes.Count > 0)
            WriteMistakes(metrics.Epoch, mistakes, now);
        Flush();
    }

    /// <summary>Records the end of the run.</summary>
    public void Complete()
    {
        Session.Completed(Now);
        Flush();
    }

    /// <summary>Flushes everything, so that TensorBoard sees it.</summary>
    public void Flush()
    {
        WriteSteps();
        _flushed = Stopwatch.GetTimestamp();
        _train?.Flush();
        _validation?.Flush();
        _session?.Flush();
    }

    public void Dispose()
    {
        foreach (var writer in new[] { _train, _validation, _session })
        {
            try
            {
                writer?.Dispose();
            }
            catch (RiffleException)
            {
                // Every epoch was flushed. Anything left could not be written then, which was reported.
            }
        }
    }

    private EventFileWriter Train => _train ??= new(TrainFolder);

    private EventFileWriter Validation => _validation ??= new(ValidationFolder);

    private EventFileWriter Session => _session ??= new(run);

    private static string[] Files(string folder) => Directory.Exists(folder) ? Directory.GetFiles(folder, "events.out.tfevents.*") : [];

    private static bool HasSession(string file) => EventFile.Keep(file, _ => true).Any(e => e.Summary?.Value is [{ Tag: EventValues.SessionStartTag }, ..]);

    private static void WriteMetrics(EventFileWriter writer, EpochMetrics epoch, Metrics metrics)
    {
        var now = Now;
        writer.Scalar(EpochLoss, epoch.Epoch, (float)metrics.Loss, now);
        writer.Scalar("epoch_accuracy", epoch.Epoch, (float)(metrics.Top1 / 100), now);
        writer.Scalar("epoch_top_5_accuracy", epoch.Epoch, (float)(metrics.Top5 / 100), now);
        if (!ReferenceEquals(metrics, epoch.Train))
            return;
        writer.Scalar("epoch_learning_rate", epoch.Epoch, (float)epoch.LearningRate, now);
        if (epoch.Cost is { } cost)
            writer.Scalar("epoch_cost", epoch.Epoch, (float)cost, now);
    }

    private void WriteSteps()
    {
        foreach (var (step, loss, cost, accuracy, time) in _steps.AsSpan(0, _buffered))
        {
            Train.Scalar(BatchPrefix + "loss", step, loss, time);
            Train.Scalar(BatchPrefix + "cost", step, cost, time);
            Train.Scalar(BatchPrefix + "accuracy", step, accuracy, time);
        }

        _buffered = 0;
    }

    private void WriteMistakes(int epoch, IReadOnlyList<ClassifiedImage> mistakes, double now)
    {
        var size = network.ImageSize;
        var encoded = mistakes.Select(mistake => codec.EncodeJpeg(new(size, size, mistake.Pixels), JpegQuality));
        Validation.Images("misclassified", epoch, size, size, encoded, now);
        var table = new StringBuilder("| image | shows | taken for | probability |\n| --- | --- | --- | --- |\n");
        for (var i = 0; i < mistakes.Count; i++)
        {
            var (label, guess, probability) = (classes[mistakes[i].Label], classes[mistakes[i].Guess], mistakes[i].Probability);
            table.Append(CultureInfo.InvariantCulture, $"| {i} | {Name(label)} | {Name(guess)} | {probability:0.0000} |\n");
        }

        Validation.Text("misclassified_classes", epoch, table.ToString(), now);

        static string Name(DatasetClass c) => (c.Text.Length == 0 || c.Text == c.Name ? c.Name : $"{c.Name} {c.Text}").Replace('|', '/');
    }

    private void WriteSession(TrainingRecord record)
    {
        var values = new SortedDictionary<string, object>(StringComparer.Ordinal)
        {
            ["network"] = network.Name,
            ["image_size"] = (double)network.ImageSize,
            ["seed"] = (double)record.Seed,
        };
        if (record.From is { } from)
            values["from"] = from;
        AddAll(JsonSerializer.SerializeToElement(record.Recipe, ModelJson.Compact.Of<Recipe>()), "", values);
        var group = Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(values, ModelJson.Compact.Of<SortedDictionary<string, object>>())));
        Session.HyperParameters(values, group, Now);
    }

    private readonly record struct StepEvents(long Step, float Loss, float Cost, float Accuracy, double Time);

    /// <summary>Every entry of a recipe, whatever entries it has.</summary>
    private static void AddAll(JsonElement entries, string prefix, SortedDictionary<string, object> values)
    {
        foreach (var entry in entries.EnumerateObject())
        {
            var name = prefix + entry.Name;
            switch (entry.Value.ValueKind)
            {
                case JsonValueKind.Object:
                    AddAll(entry.Value, $"{name}.", values);
                    break;
                case JsonValueKind.Number:
                    values[name] = entry.Value.GetDouble();
                    break;
                case JsonValueKind.True or JsonValueKind.False:
                    values[name] = entry.Value.GetBoolean();
                    break;
                case JsonValueKind.String:
                    values[name] = entry.Value.GetString()!;
                    break;
            }
        }
    }
}
