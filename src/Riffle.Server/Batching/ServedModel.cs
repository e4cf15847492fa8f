using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Images;

namespace Riffle.Server.Batching;

/// <summary>A loaded model with its engine. It lives until it is retired and the last request that holds it is answered.</summary>
internal sealed class ServedModel : IDisposable
{
    /// <summary>The only version that a model has.</summary>
    public const string Version = "1";

    private readonly Classifier _classifier;
    private readonly HeatMaps? _maps;
    private readonly Batcher _batcher;
    private readonly Lock _ofMaps = new();
    private readonly int _capacity;
    private int _users = 1;
    private int _pending;

    /// <summary>Loads it.</summary>
    /// <exception cref="RiffleException">It can't be loaded.</exception>
    public ServedModel(ModelSource source, ServerOptions options, ModelStatistics statistics)
    {
        (Name, Statistics, _capacity) = (source.Name, statistics, options.Queue);
        Model = Model.Open(source.Path, source.Hints);
        _classifier = new(Model, options.Threads);
        try
        {
            // So that the first request need not wait until that is compiled.
            var pixels = new byte[Model.ImageSize * Model.ImageSize * 3];
            _classifier.Score(pixels, 1, new float[Model.Classes.Count], Model.Doubt is null ? [] : new Verdict[1]);
            _maps = MapsOf(Model);
        }
        catch
        {
            _classifier.Dispose();
            throw;
        }

        _batcher = new(_classifier, statistics, options.Threads == 0 ? Environment.ProcessorCount : options.Threads, _capacity, options.MaxDelay);
    }

    public string Name { get; }

    public Model Model { get; }

    public ModelStatistics Statistics { get; }

    /// <summary>What the network sees of an image.</summary>
    public ImageView View => _classifier.View;

    public bool HasHeatMaps => _maps is not null;

    /// <summary>Images that were let in and are not answered.</summary>
    public int Pending => Volatile.Read(ref _pending);

    /// <summary>Takes hold of the model; false if it is gone.</summary>
    public bool TryHold()
    {
        var users = Volatile.Read(ref _users);
        while (users > 0)
        {
            var seen = Interlocked.CompareExchange(ref _users, users + 1, users);
            if (seen == users)
                return true;
            users = seen;
        }

        return false;
    }

    /// <summary>Lets go of it. The last one out frees it.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _users) > 0)
            return;

        // Not here, for it waits until the engine's thread has ended.
        _ = Task.Run(Dispose);
    }

    /// <summary>Frees it. Whoever has held it calls <see cref="Release"/> instead.</summary>
    public void Dispose()
    {
        _batcher.Dispose();
        _maps?.Dispose();
        _classifier.Dispose();
    }

    /// <summary>Lets images in, as far as the queue has room. Whoever is let in leaves by <see cref="Leave"/>.</summary>
    /// <exception cref="RequestException">It has none.</exception>
    public void Enter(int images)
    {
        if (Interlocked.Add(ref _pending, images) <= _capacity)
            return;
        Leave(images);
        throw Full();
    }

    /// <summary>Refuses a request before its body is read, if not even one image has room.</summary>
    /// <exception cref="RequestException">None has.</exception>
    public void RequireRoom()
    {
        if (Pending >= _capacity)
            throw Full();
    }

    public void Leave(int images) => Interlocked.Add(ref _pending, -images);

    private RequestException Full() => RequestException.Busy($"{Name}: the queue of {_capacity:N0} images is full; try again later");

    /// <summary>Computes the images of a request; waits for the engine's answer.</summary>
    /// <exception cref="RequestException">The deadline passed, or the network produced NaN or infinity.</exception>
    /// <exception cref="OperationCanceledException">The client has left.</exception>
    public async Task ComputeAsync(ImageWork work)
    {
        _batcher.Enqueue(work);
        await work.Done.ConfigureAwait(false);
        var classes = Model.Classes.Count;
        for (var image = 0; image < work.Count; image++)
        {
            if (float.IsNaN(work.Probabilities[image * classes]))
                throw new RequestException(500, $"{Name}: the network produced NaN or infinity for image {image}; load another checkpoint", "BACKEND");
        }
    }

    /// <summary>What speaks for a class, as a PNG that lies over what the network sees of the image; null if the network has no heat maps.</summary>
    public byte[]? HeatMap(ReadOnlySpan<byte> pixels, int label)
    {
        if (_maps is null)
            return null;
        HeatMap map;
        lock (_ofMaps)
            map = _maps.Of(pixels, label);
        var (side, rgba) = HeatPicture.Overlay(Model.ImageSize, map);
        return PngEncoder.Encode(side, side, rgba);
    }

    private static HeatMaps? MapsOf(Model model)
    {
        try
        {
            return new(model, threads: 1);
        }
        catch (RiffleException)
        {
            return null;
        }
    }
}
