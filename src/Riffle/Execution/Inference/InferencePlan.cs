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
    /// <summary>Bytes of activations above which images are computed one by one: sixteen side by side would take memory and no less time.</summary>
    private const long MostBytesOfBlock = 1L << 30;

    /// <summary>The most images of a batch that are computed one by one, so that they get the bits that they would get alone.</summary>
    internal const int MostSingly = InferenceRun.FewestInBlock - 1;

    private readonly List<InferenceProgram> _networks = [];
    private readonly InferenceProgram? _block;
    private readonly InferenceProgram _single;
    private readonly Stack<InferenceRun> _idle = [];
    private readonly List<InferenceRun> _runs = [];
    private readonly Lock _gate = new();

    // Runs enter as readers; what changes or frees the weights waits for them, and they for it.
    private readonly ReaderWriterLockSlim _use = new();

    // Several threads for one batch. Only a call that is alone has them.
    private readonly Crew? _crew;
    private readonly InferenceRun? _ofCrew;
    private int _callers;
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

    /// <summary>The same at a vector width.</summary>
    /// <param name="weights">Folded as they are now.</param>
    /// <param name="batch">Most images in a run.</param>
    /// <param name="threads">Threads that share a batch.</param>
    /// <param name="level">Vector width.</param>
    /// <param name="isEager">Whether that many share even the smallest image, as a test may want it.</param>
    internal InferencePlan(Weights weights, int batch, int threads, VectorLevel level, bool isEager = false)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        Weights = weights;
        Batch = batch;
        try
        {
            if (batch >= InferenceRun.FewestInBlock && CreateBlock(weights.Network, level) is { } block)
                _networks.Add(_block = block);
            _networks.Add(_single = new InferenceProgram(weights.Network, 1, level));
            Refresh();
            var (most, items) = (threads == 0 ? Environment.ProcessorCount : threads, InferenceRun.Cut(batch, _block != null).Items);
            foreach (var network in _networks)
                network.LimitThreads(most, isEager);
            Threads = (int)Math.Min(most, (long)items * _networks.Max(network => network.MostThreads));
            if (Threads > 1)
            {
                var leaders = Math.Min(Threads, items);
                _ofCrew = CreateRun(leaders, helpers: Threads - leaders);
                _crew = new Crew(Threads, leaders, _ofCrew, mayShare: () => Volatile.Read(ref _callers) == 1);
            }
            else
            {
                _idle.Push(CreateRun(leaders: 1, helpers: 0));
            }
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

    /// <summary>Threads that compute a batch, or one image: the requested number, but at most as many as that is worth.</summary>
    public int Threads => Live(field);

    /// <summary>Number of features, which the last fully connected layer reads; 0 if there is none.</summary>
    internal int Features => Live(_single).Features.Length;

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
            Run(ImageBatch.OfBytes(pointer, pixels.Length, count, Weights.Network, normalisation), logits, []);
    }

    /// <summary>The same, and the features of each image.</summary>
    /// <param name="pixels">Images×H×W×3 bytes, red first.</param>
    /// <param name="count">Number of images.</param>
    /// <param name="normalisation">How bytes become inputs.</param>
    /// <param name="logits">Receives images×classes.</param>
    /// <param name="features">Receives images×<see cref="Features"/>; empty if they are not wanted.</param>
    internal void Run(ReadOnlySpan<byte> pixels, int count, Normalisation normalisation, Span<float> logits, Span<float> features)
    {
        RequireRoom(features, count);
        fixed (byte* pointer = pixels)
            Run(ImageBatch.OfBytes(pointer, pixels.Length, count, Weights.Network, normalisation), logits, features);
    }

    /// <summary>The same for inputs that are ready.</summary>
    internal void Run(ReadOnlySpan<float> images, int count, Span<float> logits, Span<float> features)
    {
        RequireRoom(features, count);
        fixed (float* pointer = images)
            Run(ImageBatch.OfFloats(pointer, images.Length, count, Weights.Network), logits, features);
    }

    /// <summary>The same for inputs that are ready.</summary>
    /// <param name="images">Images×3×H×W, normalised.</param>
    /// <param name="count">Number of images, at most <see cref="Batch"/>.</param>
    /// <param name="logits">Receives images×classes.</param>
    /// <exception cref="ArgumentException">Images or logits do not fit.</exception>
    public void Run(ReadOnlySpan<float> images, int count, Span<float> logits) => Run(images, count, logits, features: []);

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
                var run = Rent();
                run.Take(images, logits: null, features: null, times: null);
                var found = run.FirstNonFinite();
                Return(run);
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
            _crew?.Dispose();
            foreach (var network in _networks)
                network.Dispose();
            foreach (var run in _runs)
                run.Dispose();
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

    private void RequireRoom(Span<float> features, int count)
    {
        if (features.Length > 0 && features.Length < (long)count * Features)
            throw new ArgumentException($"{count} images of {Features} features don't fit into {features.Length} values");
    }

    private static InferenceProgram? CreateBlock(Network network, VectorLevel level)
    {
        var block = new InferenceProgram(network, Lanes.Count, level);
        if (block.DataSize * sizeof(float) <= MostBytesOfBlock)
            return block;
        block.Dispose();
        return null;
    }

    private void Run(in ImageBatch images, Span<float> logits, Span<float> features)
    {
        _use.EnterReadLock();
        try
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            RunInUse(images, logits, features);
        }
        finally
        {
            _use.ExitReadLock();
        }
    }

    private void RunInUse(in ImageBatch images, Span<float> logits, Span<float> features)
    {
        if (images.Count is 0 || images.Count > Batch)
            throw new ArgumentException($"a run of {images.Count} images; this plan takes 1 to {Batch}");
        var output = Weights.Network.Layers[^1].Output;
        var needed = images.Count * output.Elements;
        if (logits.Length < needed)
            throw new ArgumentException($"{images.Count} images of {output.Elements} classes need {needed} logits, not {logits.Length}");
        fixed (float* pointer = logits, wanted = features)
        {
            var isAlone = Interlocked.Increment(ref _callers) == 1;
            try
            {
                if (isAlone && _crew != null)
                    RunTogether(images, pointer, wanted);
                else
                    RunAlone(images, pointer, wanted);
            }
            finally
            {
                Interlocked.Decrement(ref _callers);
            }
        }
    }

    private void RunTogether(in ImageBatch images, float* logits, float* features)
    {
        _ofCrew!.Take(images, logits, features, Times);
        _crew!.Run(_ofCrew.Items);
        _ofCrew.Verify();
    }

    private void RunAlone(in ImageBatch images, float* logits, float* features)
    {
        var run = Rent();
        run.Take(images, logits, features, Times);
        run.Compute();
        run.Verify();
        Return(run);
    }

    private InferenceRun Rent()
    {
        lock (_gate)
        {
            if (_idle.TryPop(out var run))
                return run;
        }

        return CreateRun(leaders: 1, helpers: 0);
    }

    private void Return(InferenceRun run)
    {
        lock (_gate)
            _idle.Push(run);
    }

    /// <summary>A run with memory for so many threads that lead an item, and so many that only help.</summary>
    private InferenceRun CreateRun(int leaders, int helpers)
    {
        var (data, scratch) = (_networks.Max(network => network.DataSize), _networks.Max(network => network.Scratch));
        var workspaces = new List<Workspace>();
        try
        {
            for (var worker = 0; worker < leaders + helpers; worker++)
                workspaces.Add(new(worker < leaders ? data : 0, scratch));
        }
        catch
        {
            workspaces.ForEach(workspace => workspace.Dispose());
            throw;
        }

        var run = new InferenceRun(_block, _single, [.. workspaces]);
        lock (_gate)
            _runs.Add(run);
        return run;
    }
}
