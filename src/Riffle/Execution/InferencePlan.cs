namespace Riffle.Execution;

/// <summary>Forward of a network with its running statistics, over batches of at most a fixed size, planned once.</summary>
public sealed class InferencePlan : IDisposable
{
    /// <summary>Plans memory and steps.</summary>
    /// <param name="weights">Read anew by each run, so a run after a training step sees the new values.</param>
    /// <param name="batch">Most images in a run, at least 1.</param>
    /// <param name="threads">Threads that compute; results do not depend on it. 0: one per core.</param>
    public InferencePlan(Weights weights, int batch, int threads = 0)
    {
        Weights = weights;
        Batch = batch;
        _ = threads;
        throw new NotImplementedException();
    }

    /// <summary>The weights given.</summary>
    public Weights Weights { get; }

    /// <summary>Most images in a run.</summary>
    public int Batch { get; }

    /// <summary>Computes logits. Allocates nothing.</summary>
    /// <param name="pixels">Images×H×W×3 bytes, red first.</param>
    /// <param name="count">Number of images, at most <see cref="Batch"/>.</param>
    /// <param name="normalisation">How bytes become inputs.</param>
    /// <param name="logits">Receives images×classes.</param>
    public void Run(ReadOnlySpan<byte> pixels, int count, Normalisation normalisation, Span<float> logits) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
