using Riffle.Training;

namespace Riffle.Tests.Training;

/// <summary>What the thread that trains allocates from the second step of an epoch to its last.</summary>
internal sealed class AllocationWatch : ITrainingObserver
{
    private long _atSecondStep;

    public long LeastInAnEpoch { get; private set; } = long.MaxValue;

    public TrainingPlace Place { get; private set; }

    public void Stepped(in TrainingPlace place)
    {
        Place = place;
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        if (place.Step == 2)
            _atSecondStep = allocated;
        if (place.Step == place.Steps && place.Step > 2)
            LeastInAnEpoch = Math.Min(LeastInAnEpoch, allocated - _atSecondStep);
    }
}
