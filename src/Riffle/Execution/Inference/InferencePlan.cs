using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>
/// Forward of a network with its running statistics: batch norm folded into weights that are packed once, activations fused, memory planned and reused. Sixteen
/// images side by side are computed at once, what is left of a batch one by one. One plan may be run by many threads at the same time.
/// </summary>
/// <remarks>An image's logits may differ in the last bits with its place in a batch: alone and among sixteen, sums over positions are added in another order.
/// They do not depend on threads.</remarks>
public sealed unsafe class InferencePlan : IDisposable
{
    /// <summary>
    /// Images that are worth a block of sixteen, some of whose lanes are unused. A block takes as long as 10 (ShuffleNet v1 x0.25) to 17 (x1.0) single images,
    /// 15 in the middle, as benchmarks/results/AMD-EPYC-Zen4.json has it.
    /// </summary>
    private const int FewestInBlock = 15;

    /// <summary>Bytes of activations above which images are computed one by one: sixteen side by side would take memory and no less time.</summary>
    private const long MostBytesOfBlock = 1L << 30;

    private readonly List<InferenceProgram> _networks = [];
    private readonly InferenceProgram? _block;
    private readonly InferenceProgram _single;
    private readonly Stack<Workspace> _idle = [];
    private readonly List<Workspace> _workspaces = [];
    private readonly Lock _gate = new();

    // Runs enter as readers; what changes or frees the weights waits for them, and they for it.
    private readonly ReaderWriterLockSlim _use = new();

    // Several threads for one batch: one such run at a time.
    private readonly WorkerPool? _pool;
    private readonly Workspace[] _ofWorkers;
    private readonly Lock _poolGate = new();
    private ImageBatch _images;
    private float* _logits;
    private bool _isDisposed;

    /// <summary>Plans memory and steps, and takes over the weights.</summary>
    /// <param name="weights">Folded as they are now; see <see cref="Refresh"/>.</param>
    /// <param name="batch">Most images in a run, at least 1.</param>
    /// <param name="threads">Threads that share a batch; results do not depend on it. 0: one per core.</param>
    /// <exception cref="ArgumentOutOfRangeException">The batch is empty, or the number of threads is negative.</exception>
    /// <exception cref="RiffleException">There is not enough memory.</exception>
    public InferencePlan(Weights weights, int batch, int threads = 0)
        : this(weights, batch, threads, VectorLevels.Best)
    {
    }

    internal InferencePlan(Weights weights, int batch, int threads, VectorLevel level)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        Weights = weights;
        Batch = batch;
        try
        {
            if (batch >= FewestInBlock && CreateBlock(weights.Network, level) is { } block)
                _networks.Add(_block = block);
            _networks.Add(_single = new InferenceProgram(weights.Network, 1, level));
            Threads = Math.Min(threads == 0 ? Environment.ProcessorCount : threads, Items(batch).Total);
            Refresh();
            _ofWorkers = [.. Enumerable.Range(0, Threads == 1 ? 0 : Threads).Select(_ => CreateWorkspace())];
            _idle.Push(CreateWorkspace());
            _pool = Threads == 1 ? null : new WorkerPool(Threads, Work);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The weights given.</summary>
    public Weights Weights => Live(field);

    /// <summary>Most images in a run.</summary>
    public int Batch => Live(field);

    /// <summary>Threads that share a batch: the requested number, but at most the number of blocks and single images.</summary>
    public int Threads => Live(field);

    /// <summary>Counts the time of each step of the runs that follow, where it is wanted.</summary>
    internal LayerTimes? Times { get; set; }

    /// <summary>Takes over the weights as they are now, after they have changed. Waits for the runs under way, and lets none begin meanwhile.</summary>
    public void Refresh()
    {
        _use.EnterWriteLock();
        try
        {
            foreach (var network in _networks)
                network.Fold(Weights);
        }
        finally
        {
            _use.ExitWriteLock();
        }
    }

    /// <summary>Computes logits. Allocates nothing once as many calls as ever run at the same time have run.</summary>
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

    /// <summary>The layer in which a batch's first value that is infinite or not a number appears; computes it once more.</summary>
    internal NonFinite? FirstNonFinite(ReadOnlySpan<byte> pixels, int count, Normalisation normalisation)
    {
        fixed (byte* pointer = pixels)
        {
            var images = ImageBatch.OfBytes(pointer, pixels.Length, count, Weights.Network, normalisation);
            _use.EnterReadLock();
            try
            {
                ObjectDisposedException.ThrowIf(_isDisposed, this);
                var workspace = Rent();
                NonFinite? found = null;
                for (var item = 0; item < Items(count).Total && found is null; item++)
                {
                    var (network, _, inItem) = Load(images, item, workspace);
                    found = network.FirstNonFinite(workspace.Data, workspace.Scratch, inItem);
                }

                lock (_gate)
                    _idle.Push(workspace);
                return found;
            }
            finally
            {
                _use.ExitReadLock();
            }
        }
    }

    /// <summary>Frees memory and threads, after the runs under way. Every member throws <see cref="ObjectDisposedException"/> from then on.</summary>
    public void Dispose()
    {
        _use.EnterWriteLock();
        try
        {
            if (_isDisposed)
                return;
            _isDisposed = true;
            _pool?.Dispose();
            foreach (var network in _networks)
                network.Dispose();
            foreach (var workspace in _workspaces)
                workspace.Dispose();
        }
        finally
        {
            _use.ExitWriteLock();
        }
    }

    private T Live<T>(T value)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return value;
    }

    private static InferenceProgram? CreateBlock(Network network, VectorLevel level)
    {
        var block = new InferenceProgram(network, Lanes.Count, level);
        if (block.DataSize * sizeof(float) <= MostBytesOfBlock)
            return block;
        block.Dispose();
        return null;
    }

    /// <summary>What a batch is cut into: so many blocks of sixteen images, the last of which may lack some, and so many single images behind them.</summary>
    private (int Blocks, int Total) Items(int images)
    {
        if (_block is null)
            return (0, images);
        var (blocks, rest) = Math.DivRem(images, Lanes.Count);
        return rest >= FewestInBlock ? (blocks + 1, blocks + 1) : (blocks, blocks + rest);
    }

    private void Run(in ImageBatch images, Span<float> logits)
    {
        _use.EnterReadLock();
        try
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            RunInUse(images, logits);
        }
        finally
        {
            _use.ExitReadLock();
        }
    }

    private void RunInUse(in ImageBatch images, Span<float> logits)
    {
        if (images.Count is 0 || images.Count > Batch)
            throw new ArgumentException($"a run of {images.Count} images; this plan takes 1 to {Batch}");
        var needed = (long)images.Count * Weights.Network.Classes;
        if (logits.Length < needed)
            throw new ArgumentException($"{images.Count} images of {Weights.Network.Classes} classes need {needed} logits, not {logits.Length}");
        fixed (float* pointer = logits)
        {
            if (_pool != null && Items(images.Count).Total > 1)
            {
                lock (_poolGate)
                {
                    _images = images;
                    _logits = pointer;
                    _pool.Run();
                    foreach (var workspaceOfWorker in _ofWorkers)
                        Verify(workspaceOfWorker);
                }

                return;
            }

            var workspace = Rent();
            Compute(images, pointer, workspace, worker: 0, workers: 1);
            Verify(workspace);
            lock (_gate)
                _idle.Push(workspace);
        }
    }

    private void Work(int worker) => Compute(_images, _logits, _ofWorkers[worker], worker, Threads);

    /// <summary>A worker's share of a batch: every so many-th block or image.</summary>
    private void Compute(in ImageBatch images, float* logits, Workspace workspace, int worker, int workers)
    {
        var times = Times;
        times?.Start(worker);
        var classes = Weights.Network.Classes;
        var total = Items(images.Count).Total;
        for (var item = worker; item < total; item += workers)
        {
            var (network, first, count) = Load(images, item, workspace);
            times?.Lap(worker, OtherWork.Images);
            network.Run(workspace.Data, workspace.Scratch, times, worker);
            for (var lane = 0; lane < count; lane++)
                network.ReadLogits(workspace.Data, lane, new Span<float>(logits + (long)(first + lane) * classes, classes));
            times?.Lap(worker, OtherWork.Loss);
        }
    }

    /// <summary>Loads the images of an item; returns the program that computes them, the first image and their number.</summary>
    private (InferenceProgram Network, int First, int Count) Load(in ImageBatch images, int item, Workspace workspace)
    {
        var blocks = Items(images.Count).Blocks;
        if (item < blocks)
        {
            var first = item * Lanes.Count;
            images.Load(item, workspace.Data + _block!.ImagesOffset);
            return (_block, first, Math.Min(Lanes.Count, images.Count - first));
        }

        var image = blocks * Lanes.Count + item - blocks;
        images.LoadOne(image, workspace.Data + _single.ImagesOffset, _single.ImagesStride);
        return (_single, image, 1);
    }

    /// <summary>Where memory is guarded, makes sure that a run wrote into its own.</summary>
    private void Verify(Workspace workspace)
    {
        workspace.Verify();
        _block?.Verify();
        _single.Verify();
    }

    private Workspace Rent()
    {
        lock (_gate)
        {
            if (_idle.TryPop(out var workspace))
                return workspace;
        }

        return CreateWorkspace();
    }

    private Workspace CreateWorkspace()
    {
        var workspace = new Workspace(_networks.Max(network => network.DataSize), _networks.Max(network => network.Scratch));
        lock (_gate)
            _workspaces.Add(workspace);
        return workspace;
    }

    /// <summary>Memory in which one thread computes.</summary>
    private sealed class Workspace : IDisposable
    {
        private readonly NativeArray<float> _memory;
        private readonly long _data;
        private readonly int _guardBytes = MemoryGuard.IsOn ? MemoryGuard.Size : 0;

        public Workspace(long data, long scratch)
        {
            _data = data;
            _memory = new(data + _guardBytes / sizeof(float) + scratch);
            MemoryGuard.Set(Data + data, _guardBytes);
        }

        public float* Data => _memory.Pointer;

        public float* Scratch => Data + _data + _guardBytes / sizeof(float);

        public void Verify()
        {
            if (_guardBytes == 0)
                return;
            MemoryGuard.Check(Data + _data, _guardBytes, $"activations of {_data * sizeof(float)} bytes");
            _memory.Verify();
        }

        public void Dispose() => _memory.Dispose();
    }
}
