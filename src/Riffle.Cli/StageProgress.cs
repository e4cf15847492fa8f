using System.Globalization;

namespace Riffle.Cli;

/// <summary>Shows one progress line per stage of a long task. A line appears with its stage's first report; several threads may report.</summary>
internal sealed class StageProgress : IProgress<WorkProgress>, IDisposable
{
    private readonly Lock _lock = new();
    private WorkStage _stage;
    private ProgressLine? _line;

    public void Report(WorkProgress value)
    {
        // The accuracy is shown before the training images, which take much longer.
        var note = value is { Stage: WorkStage.Evaluating, Top1: { } top1 } ? string.Create(CultureInfo.InvariantCulture, $"top-1 {top1:0.00} %") : null;
        LineOf(value).Report(value.Done, note);
    }

    public void Dispose() => _line?.Dispose();

    private ProgressLine LineOf(WorkProgress value)
    {
        lock (_lock)
        {
            if (_line is not null && value.Stage == _stage)
                return _line;
            _line?.Dispose();
            _stage = value.Stage;
            return _line = value.Stage switch
            {
                WorkStage.Listing => new("list", 0, "files"),
                WorkStage.Checking => new("check", value.Total, "images"),
                WorkStage.Writing => new("write", value.Total, "records"),
                WorkStage.Decoding => new("decode", value.Total, "images"),
                WorkStage.Evaluating => new("evaluate", value.Total, "images"),
                WorkStage.Fitting => new("fit", value.Total, "classifiers"),
                WorkStage.Features => new("features", value.Total, "images"),
                _ => new("teach", value.Total, "images", start: value.Done),
            };
        }
    }
}
