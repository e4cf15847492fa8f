using System.Globalization;
using Riffle.Data;
using Riffle.Distillation;

namespace Riffle.Cli;

/// <summary>Shows one progress line per stage of a long task.</summary>
internal sealed class StageProgress : IProgress<PreparationProgress>, IProgress<TeachingProgress>, IDisposable
{
    private string? _label;
    private ProgressLine? _line;

    public void Report(PreparationProgress value)
    {
        var (label, total, unit) = value.Stage switch
        {
            PreparationStage.Listing => ("list", 0, "files"),
            PreparationStage.Images => ("check", value.Total, "images"),
            _ => ("write", value.Total, "records"),
        };
        LineOf(label, total, unit).Report(value.Done);
    }

    // Show the accuracy before the training images, which take much longer.
    public void Report(TeachingProgress value)
    {
        if (value.Split == Split.Validation)
            LineOf("evaluate", value.Total, "images").Report(value.Done, string.Create(CultureInfo.InvariantCulture, $"top-1 {value.Top1:0.00} %"));
        else
            LineOf("teach", value.Total, "images", start: value.Done).Report(value.Done);
    }

    public void Dispose() => _line?.Dispose();

    private ProgressLine LineOf(string label, long total, string unit, long start = 0)
    {
        if (label == _label)
            return _line!;
        _line?.Dispose();
        _label = label;
        return _line = new(label, total, unit, start);
    }
}
