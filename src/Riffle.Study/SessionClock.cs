using Riffle.Measurement;
using Riffle.Training;

namespace Riffle.Study;

/// <summary>Records the duration of a training after each epoch and at the end. A killed process loses the time of one epoch at most.</summary>
internal sealed class SessionClock : ITrainingObserver, IDisposable
{
    private readonly ReproductionFolder _folder;
    private readonly string _model;
    private readonly int _threads;
    private readonly RunNotes _before;
    private readonly TimeProvider _clock;
    private readonly long _began;

    /// <summary>Starts the clock of a new session.</summary>
    public SessionClock(ReproductionFolder folder, string model, int threads, TimeProvider clock)
    {
        (_folder, _model, _clock, _began, _before) = (folder, model, clock, clock.GetTimestamp(), folder.ReadNotes(model));
        _threads = threads == 0 ? Environment.ProcessorCount : threads;
    }

    public void EpochEnded(EpochReport report) => Write();

    public void Dispose() => Write();

    private void Write()
    {
        var session = new Session(Machine.Description, RiffleVersion.WithCommit, _threads, Math.Round(_clock.GetElapsedTime(_began).TotalSeconds, 1));
        _folder.Write(_model, _before with { Sessions = _before.Sessions.Add(session) });
    }
}
