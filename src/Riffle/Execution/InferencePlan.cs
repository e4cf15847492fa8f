using Riffle.Kernels;
using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>
/// Forward of a network with its running statistics, with all memory and steps planned once. A thread takes a block of 16 images through all layers;
/// activations share memory as soon as they are no longer read, so that a block's stay in the cache.
/// </summary>
public sealed unsafe class InferencePlan : IDisposable
{
    private readonly BoundNetwork _network;
    private readonly WorkerPool _pool;
    private readonly List<IDisposable> _owned = [];
    private readonly Block[] _blocks;
    private readonly float* _scratch;

    // The run under way.
    private ImageBatch _images;
    private float* _logits;

    /// <summary>Plans memory and steps.</summary>
    /// <param name="weights">Read anew by each run, so a run after a training step sees the new values.</param>
    /// <param name="batch">Most images in a run, at least 1.</param>
    /// <param name="threads">Threads that compute; results do not depend on it. 0: one per core.</param>
    /// <exception cref="ArgumentOutOfRangeException">The batch is empty, or the number of threads is negative.</exception>
    /// <exception cref="RiffleException">There is not enough memory.</exception>
    public InferencePlan(Weights weights, int batch, int threads = 0)
        : this(weights, batch, threads, VectorLevels.Best)
    {
    }

    internal InferencePlan(Weights weights, int batch, int threads, VectorLevel level)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        Weights = weights;
        Batch = batch;
        _network = new BoundNetwork(new Schedule(weights.Network), weights, training: false, level);
        Threads = Math.Min(threads == 0 ? Environment.ProcessorCount : threads, Lanes.Blocks(batch));
        var mask = new NativeArray<float>(Lanes.Count);
        var data = new NativeArray<float>(Threads * _network.DataSize);
        var scratch = new NativeArray<float>(Threads * _network.Scratch);
        mask.Span.Fill(1);
        _blocks = [.. Enumerable.Range(0, Threads).Select(t => new Block { Data = data.Pointer + t * _network.DataSize, LaneMask = mask.Pointer })];
        _scratch = scratch.Pointer;
        _pool = new WorkerPool(Threads, Work);
        _owned.AddRange([_pool, _network, mask, data, scratch]);
    }

    /// <summary>The weights given.</summary>
    public Weights Weights { get; }

    /// <summary>Most images in a run.</summary>
    public int Batch { get; }

    /// <summary>Threads that compute: as asked for, but no more than there are blocks of 16 images.</summary>
    public int Threads { get; }

    /// <summary>Where each step's time is counted, if anywhere.</summary>
    internal LayerTimes? Times { get; set; }

    /// <summary>Computes logits. Allocates nothing.</summary>
    /// <param name="pixels">Images×H×W×3 bytes, red first.</param>
    /// <param name="count">Number of images, at most <see cref="Batch"/>.</param>
    /// <param name="normalisation">How bytes become inputs.</param>
    /// <param name="logits">Receives images×classes.</param>
    /// <exception cref="ArgumentException">Pixels or logits do not fit.</exception>
    public void Run(ReadOnlySpan<byte> pixels, int count, Normalisation normalisation, Span<float> logits)
    {
        fixed (byte* pointer = pixels)
            Run(ImageBatch.OfBytes(pointer, pixels.Length, count, Weights.Network, normalisation), logits);
    }

    /// <summary>The same for inputs that are ready.</summary>
    /// <param name="images">Images×3×H×W, normalised.</param>
    /// <param name="count">Number of images, at most <see cref="Batch"/>.</param>
    /// <param name="logits">Receives images×classes.</param>
    /// <exception cref="ArgumentException">Images or logits do not fit.</exception>
    public void Run(ReadOnlySpan<float> images, int count, Span<float> logits)
    {
        fixed (float* pointer = images)
            Run(ImageBatch.OfFloats(pointer, images.Length, count, Weights.Network), logits);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var owned in _owned)
            owned.Dispose();
    }

    private void Run(in ImageBatch images, Span<float> logits)
    {
        if (images.Count is 0 || images.Count > Batch)
            throw new ArgumentException($"a run of {images.Count} images; this plan takes 1 to {Batch}");
        if (logits.Length < images.Count * Weights.Network.Classes)
            throw new ArgumentException($"{images.Count} images of {Weights.Network.Classes} classes need {images.Count * Weights.Network.Classes} logits");
        Times?.Start(0);
        foreach (var step in _network.Steps)
            step.Prepare();
        foreach (var pending in _network.Pendings)
            pending?.PrepareInference(_network.Planes);
        Times?.Lap(0, OtherWork.Weights);
        fixed (float* pointer = logits)
        {
            _images = images;
            _logits = pointer;
            _pool.Run();
        }
    }

    private void Work(int worker)
    {
        var scratch = _scratch + worker * _network.Scratch;
        ref readonly var block = ref _blocks[worker];
        var times = Times;
        times?.Start(worker);
        for (var b = worker; b < Lanes.Blocks(_images.Count); b += Threads)
        {
            _images.Load(b, block.Data + _network.ImagesOffset);
            times?.Lap(worker, OtherWork.Images);
            for (var s = 0; s < _network.Steps.Length; s++)
            {
                _network.Steps[s].Forward(_network.Planes, block, scratch);
                times?.Lap(worker, s);
            }

            var images = Math.Min(Lanes.Count, _images.Count - b * Lanes.Count);
            _network.Loss.ReadLogits(_network.Planes, block, scratch, images, _logits + (long)b * Lanes.Count * Weights.Network.Classes);
            times?.Lap(worker, OtherWork.Loss);
        }
    }
}
