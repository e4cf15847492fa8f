using Riffle.Data;

namespace Riffle.Cli;

/// <summary>A progress line for each stage of preparing or checking a data set.</summary>
internal sealed class StageProgress : IProgress<PreparationProgress>, IDisposable
{
    private PreparationStage? _stage;
    private ProgressLine? _line;

    public void Report(PreparationProgress value)
    {
        if (value.Stage != _stage)
        {
            _line?.Dispose();
            _stage = value.Stage;
            _line = value.Stage switch
            {
                PreparationStage.Listing => new ProgressLine("list", 0, "files"),
                PreparationStage.Images => new ProgressLine("check", value.Total, "images"),
                _ => new ProgressLine("write", value.Total, "records"),
            };
        }

        _line!.Report(value.Done);
    }

    public void Dispose() => _line?.Dispose();
}
