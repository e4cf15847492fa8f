namespace Riffle.Execution;

/// <summary>What one training step measured on its batch, before the weights change.</summary>
/// <param name="Loss">Mean softmax cross-entropy (with label smoothing, without the L2 term).</param>
/// <param name="Top1">Images whose label has the highest logit.</param>
/// <param name="Top5">Images whose label is among the five highest logits.</param>
public readonly record struct StepResult(double Loss, int Top1, int Top5);

/// <summary>Forward and backward of a network over batches of a fixed size, planned once.</summary>
public sealed class TrainingPlan : IDisposable
{
    /// <summary>Plans memory and steps.</summary>
    /// <param name="weights">Read by each step; running statistics are updated by it.</param>
    /// <param name="batch">Most images in a batch, at least 1.</param>
    /// <param name="threads">Threads that compute; results do not depend on it. 0: one per core.</param>
    public TrainingPlan(Weights weights, int batch, int threads = 0)
    {
        Weights = weights;
        Batch = batch;
        _ = threads;
        throw new NotImplementedException();
    }

    /// <summary>The weights given.</summary>
    public Weights Weights { get; }

    /// <summary>Most images in a batch.</summary>
    public int Batch { get; }

    /// <summary>Gradient of the mean loss, in the order of <see cref="Weights.Trained"/>, after a step.</summary>
    public Span<float> Gradients => throw new NotImplementedException();

    /// <summary>Forward, loss, backward: fills <see cref="Gradients"/> and updates the running statistics. Allocates nothing.</summary>
    /// <param name="pixels">Images×H×W×3 bytes, red first.</param>
    /// <param name="labels">One class index for each image; their number is the number of images.</param>
    /// <param name="normalisation">How bytes become inputs.</param>
    /// <param name="labelSmoothing">From 0 (none) to below 1 (Szegedy et al., 2016).</param>
    public StepResult Step(ReadOnlySpan<byte> pixels, ReadOnlySpan<int> labels, Normalisation normalisation, float labelSmoothing = 0) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
