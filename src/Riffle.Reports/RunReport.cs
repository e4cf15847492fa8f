using System.Collections.Immutable;
using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Formats;
using Riffle.Learning;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Reports.Documents;

namespace Riffle.Reports;

/// <summary>The report of a run: what was trained on what, how well it does and where it errs, as one page that needs nothing else.</summary>
internal sealed class RunReport
{
    /// <summary>The report's name in a run folder.</summary>
    public const string FileName = "report.html";

    private const int MostMistakes = 24, MostUnsure = 12, MostPairs = 20, ShownClasses = 20, FewestInBin = 10;

    private readonly RunSource _source;
    private readonly Dataset _data;
    private readonly Checkpoint _model;
    private readonly TrainingRecord? _training;
    private readonly ConfusionMatrix _confusions;
    private readonly Calibration _calibration = new();
    private readonly RankedImages _mistakes = RankedImages.Mistakes(MostMistakes), _leastSure = RankedImages.LeastSure(MostUnsure);
    private readonly EvaluationResult _result;
    private readonly string[] _names;
    private readonly RunResults _results;

    private RunReport(RunSource source, Dataset data, int threads, IProgress<WorkProgress>? progress, CancellationToken cancel)
    {
        (_source, _data) = (source, data);
        _model = Checkpoint.Load(source.Path);
        _training = RunFolder.FindLast(source.Path) is { } last ? Checkpoint.Load(last).Training : _model.Training;
        _names = [.. _model.Classes.Select(Text.NameOf)];
        _results = RunResults.Of(source.Path, _model);
        _confusions = new(_names.Length);
        _result = Evaluator.Evaluate(_model, data, Split.Validation, threads, _confusions, _calibration, [_mistakes, _leastSure], doubt: null, progress, cancel);
    }

    /// <summary>Evaluates a network on the validation images, and writes the page.</summary>
    /// <param name="source">The run.</param>
    /// <param name="output">The file to write.</param>
    /// <param name="codec">Decodes and encodes images.</param>
    /// <param name="threads">Threads that compute; 0: one per core.</param>
    /// <param name="progress">Receives the number of images done.</param>
    /// <param name="cancel">Stops between batches.</param>
    /// <exception cref="RiffleException">There is no such run or data set, they do not fit each other, or the file can't be written.</exception>
    public static void Write(RunSource source, string output, IImageCodec codec, int threads, IProgress<WorkProgress>? progress, CancellationToken cancel)
    {
        var report = new RunReport(source, Dataset.Open(source.Data, codec), threads, progress, cancel);
        AtomicFile.WriteText(output, HtmlWriter.Write(report.Document(threads)));
    }

    private Document Document(int threads)
    {
        using var pictures = new ClassifiedPictures(_model, _data, threads);
        ImmutableArray<Section?> sections =
        [
            CurveSection.Of(_training),
            new("classes", "By class, the worst first", [Classes(_confusions)]),
            Confusions(),
            TestSection(),
            CalibrationSection(),
            pictures.Section(
                "mistakes", "The worst mistakes", "Validation images that were taken for another class with the highest probability. Some may be labelled wrongly: "
                + $"'riffle check {ShellWord.Path(_source.Data)} --run {ShellWord.Path(_source.Path)}' looks for such labels among all images.", _mistakes.Kept),
            pictures.Section("unsure", "The least sure", "Validation images whose prediction has the lowest probability, right or wrong.", _leastSure.Kept),
            new("origin", "What was trained on what", [.. TrainingSection.Of(_source, _model, _training, _data)]),
        ];
        return new($"{_model.Name} on {_data.Info.Source}", [.. Lead()], [.. sections.OfType<Section>()]);
    }

    private IEnumerable<DocumentBlock> Lead()
    {
        var cost = Complexity.Of(_model.Weights.Network);
        yield return new Paragraph(
            $"A network that tells {_names.Length} classes apart in images of {_model.ImageSize}×{_model.ImageSize} pixels. It has {Text.Plain(Math.Round(cost.Parameters / 1e6, 2))} million "
            + $"parameters and takes {Text.Plain(Math.Round(cost.Macs / 1e6, 1))} million multiply-adds an image."
            + (_training is { } training ? $" It learnt from {training.Data.Train:N0} images in {training.Progress.Epochs} epoch{(training.Progress.Epochs == 1 ? "" : "s")}." : "")
            + $" What follows was measured on the {_result.Images:N0} validation images, which it did not learn from but by which its epoch was chosen"
            + (_training?.Measured is { } measured ? $", with the weights after epoch {_model.Training?.Measured?.Epoch ?? measured.Epoch}." : "."));
        yield return new KeyFigures(
        [
            ($"{Text.Percent(_result.Top1)} %", $"top-1{Between(_confusions.Total)}"),
            .. _results.CrossValidated is var (right, images)
                ? [($"{Text.Rough(100.0 * right / images)} %", $"{right:N0} of {images:N0}, cross-validated{Between((right, images))}")]
                : Array.Empty<(string, string)>(),
            .. _results.TestConfusions is { Total: var test } ? [($"{Text.Rough(100.0 * test.Right / test.Images)} %", $"on the {test.Images:N0} test images{Between(test)}")] : Array.Empty<(string, string)>(),
            .. Metrics.HasTop5(_names.Length) ? [($"{Text.Percent(_result.Top5)} %", "top-5")] : Array.Empty<(string, string)>(),
            ($"{Text.Percent(_confusions.BalancedAccuracy)} %", "mean over the classes"),
            ($"{Text.Rough(100 * _calibration.Error)} %", "calibration error"),
        ]);
        if (_results.CrossValidated is { } found)
        {
            yield return new Paragraph(
                $"Cross-validated: {CrossValidation.Folds} networks were trained in this way, each on other images, and each of {found.Images:N0} images was judged by the one that had not seen "
                + "it. That is what to expect of new images.");
        }

        foreach (var label in Enumerable.Range(0, _names.Length).Where(label => _confusions.Of(label) is { Images: > 0, Right: 0 }))
            yield return new Warning($"{_names[label]} is never recognised: none of its {_confusions.Of(label).Images:N0} images.");
    }

    private static string Between((int Right, int Images) of)
    {
        var interval = Interval.Of(of.Right, of.Images);
        return $", between {Text.Rough(interval.Low)} and {Text.Rough(interval.High)} % with 95 % confidence";
    }

    /// <summary>What was found on the test images; null if nobody looked at them.</summary>
    private Section? TestSection() => _results.TestConfusions is not { Total: var (right, images) } confusions ? null : new("test", "On the test images",
    [
        new Paragraph($"No training and no choice has seen these {images:N0} images. {right:N0} of them are right, {Text.Rough(100.0 * right / images)} %{Between((right, images))}; "
            + $"the mean over the classes is {Text.Rough(confusions.BalancedAccuracy)} %."),
        Classes(confusions),
    ]);

    private TableBlock Classes(ConfusionMatrix confusions)
    {
        var worst = Enumerable.Range(0, _names.Length).OrderBy(label => confusions.Of(label).Recall ?? double.MaxValue).ThenBy(label => confusions.Of(label).F1);
        return new(
            "By class",
            [
                new("Class"), new("Images", ColumnKind.Number), new("Recall, %", ColumnKind.Number), new("Precision, %", ColumnKind.Number), new("F1, %", ColumnKind.Number),
                new("Most often taken for"),
            ],
            [
                .. worst.Select(label => (Of: confusions.Of(label), Other: confusions.MostlyTakenFor(label), Label: label)).Select(row => (ImmutableArray<string>)
                [
                    _names[row.Label], $"{row.Of.Images:N0}", Text.Rough(row.Of.Recall), Text.Rough(row.Of.Precision), Text.Rough(row.Of.F1),
                    row.Other is { } other ? $"{_names[other]} ({confusions[row.Label, other]:N0})" : "",
                ]),
            ],
            ShownRows: ShownClasses);
    }

    private Section Confusions()
    {
        var pairs = _confusions.MostConfused(MostPairs);
        var table = new TableBlock(
            "Most confused classes",
            [new("Classes"), new("First taken for second", ColumnKind.Number), new("Second taken for first", ColumnKind.Number)],
            [.. pairs.Select(pair => (ImmutableArray<string>)[$"{_names[pair.First]} and {_names[pair.Second]}", $"{pair.FirstAsSecond:N0}", $"{pair.SecondAsFirst:N0}"])]);
        return new("confusions", "What is taken for what",
        [
            .. _names.Length <= ConfusionPicture.MostClasses
                ? [new PicturesBlock([ConfusionPicture.Of(_confusions, _names)])]
                : new DocumentBlock[] { new Paragraph($"Of {_names.Length} classes, the pairs that are confused most.") },
            pairs.Count == 0 ? new Paragraph("No image was taken for another class.") : table,
        ]);
    }

    private Section CalibrationSection()
    {
        var bins = _calibration.Bins.Where(bin => bin.Images >= FewestInBin);
        ImmutableArray<Series> series =
        [
            new("as it should be", 0, IsPublished: true, HasMarks: false, [new(0, 0), new(100, 100)]),
            new("measured", 1, IsPublished: false, HasMarks: true, [.. bins.Select(bin => new Point(100 * bin.Probability, 100 * bin.Right, $"{bin.Images:N0} images"))]),
        ];
        return new("calibration", "Whether it is as often right as it is sure",
        [
            new Paragraph(
                "Predictions in bins by their probability. Below the dashed line, the network is surer than it is right; above it, it is righter than it is sure. "
                + $"Bins of fewer than {FewestInBin} images are not drawn. The mean distance over all, weighted by images, is {Text.Rough(100 * _calibration.Error)} points."),
            new PicturesBlock([new Chart("Calibration", Axis.Linear("probability of the prediction, %", [0, 100]), Axis.Linear("right, %", [0, 100]), series)]),
        ]);
    }
}
