namespace Riffle.Server;

/// <summary>What is served, and within which limits.</summary>
public sealed class ServerOptions
{
    /// <summary>The models, each under a name of its own.</summary>
    public IList<ModelSource> Models { get; } = [];

    /// <summary>Threads of each model's engine; 0: one per core. Results do not depend on it.</summary>
    public int Threads { get; set; }

    /// <summary>Images of a model that may wait or be computed at the same time, at least <see cref="MaxBatch"/>. Past it a request is refused with 503.</summary>
    public int Queue { get; set; } = 128;

    /// <summary>The most images in a request, at least 1.</summary>
    public int MaxBatch { get; set; } = 64;

    /// <summary>How long the engine may wait for more images when fewer than a full batch are there. Zero, the default, never delays an image that could be
    /// computed.</summary>
    public TimeSpan MaxDelay { get; set; }

    /// <summary>The most bytes of a request's body, also when it is unpacked.</summary>
    public int MaxBodyBytes { get; set; } = 64 << 20;

    /// <summary>The most bytes of all bodies that are held at the same time. Past it requests are refused with 503.</summary>
    public long MaxBytesInFlight { get; set; } = 512L << 20;

    /// <summary>The most pixels of an image, read from its header before memory is taken for it; up to 200 million.</summary>
    public long MaxPixels { get; set; } = 50_000_000;

    /// <summary>The program that runs <see cref="Decoding.DecodingService"/>, and its arguments; empty: images are decoded in this process.</summary>
    internal IReadOnlyList<string> DecoderCommand { get; set; } = [];

    /// <summary>What every request must carry, as <c>Authorization: Bearer KEY</c> or <c>X-API-Key: KEY</c>; null: nothing. Health, the page's files and the description of
    /// the interface need none.</summary>
    public string? ApiKey { get; set; }

    /// <summary>Whether requests may load and unload models, within the list of <see cref="Models"/>.</summary>
    public bool AllowModelControl { get; set; }

    /// <summary>Throws if a value is out of its range.</summary>
    /// <exception cref="ArgumentException">It is; the message names it.</exception>
    internal void Check()
    {
        var models = Models;
        if (models.Count == 0)
            throw new ArgumentException("There is no model to serve; name at least one.");
        if (models.GroupBy(model => model.Name, StringComparer.Ordinal).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new ArgumentException($"Two models have the name {twice.Key}: {string.Join(" and ", twice.Select(model => model.Path))}. Give one another name.");
        new Limits<int>(0, int.MaxValue).Require(Threads, "number of threads");
        new Limits<int>(1, MostBatch).Require(MaxBatch, "most images in a request");
        new Limits<int>(MaxBatch, MostBatch).Require(Queue, "length of the queue");
        new Limits<double>(0, TimeSpan.FromMinutes(1).TotalMilliseconds).Require(MaxDelay.TotalMilliseconds, "longest delay in milliseconds");
        new Limits<int>(1024, int.MaxValue).Require(MaxBodyBytes, "most bytes of a body");
        new Limits<long>(MaxBodyBytes, long.MaxValue).Require(MaxBytesInFlight, "most bytes of all bodies");
        new Limits<long>(1, 200_000_000).Require(MaxPixels, "most pixels of an image");
    }

    /// <summary>More images than anybody sends at once.</summary>
    private const int MostBatch = 65_536;
}
