namespace Riffle.Server.Batching;

/// <summary>The models by their names. A model that is loaded again takes the old one's place once it is ready; requests that the old one has accepted are answered by
/// it.</summary>
internal sealed class ModelRepository : IDisposable
{
    /// <summary>Why parameters of a load are refused: no request reaches the file system.</summary>
    public const string NoParameters = "a model is loaded from the file or folder that the server was started with; send no config and no files";

    private readonly ServerOptions _options;
    private readonly Slot[] _slots;

    /// <summary>Loads all models.</summary>
    /// <exception cref="ArgumentException">The options are invalid.</exception>
    /// <exception cref="RiffleException">A model can't be loaded.</exception>
    public ModelRepository(ServerOptions options)
    {
        options.Check();
        _options = options;
        _slots = [.. options.Models.Select(source => new Slot(source))];
        try
        {
            foreach (var slot in _slots)
                Load(slot);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Each name, what it stands for now, and why that is nothing.</summary>
    public IReadOnlyList<Slot> Slots => _slots;

    /// <summary>Takes hold of a model.</summary>
    /// <exception cref="RequestException">There is none of this name and version.</exception>
    public ServedModel Hold(string? name, string? version = null)
    {
        var slot = Find(name);
        if (version is not (null or "" or ServedModel.Version))
            throw RequestException.NotFound($"{slot.Source.Name}: there is no version {version}, only version {ServedModel.Version}");
        while (slot.Current is { } model)
        {
            if (model.TryHold())
                return model;
        }

        throw RequestException.NotFound($"{slot.Source.Name}: the model is not loaded: {slot.Reason}");
    }

    /// <summary>Throws if requests may not load and unload models.</summary>
    /// <exception cref="RequestException">They may not.</exception>
    public void RequireControl()
    {
        if (!_options.AllowModelControl)
            throw new RequestException(501, "requests may not control models here; start the server with --allow-model-control");
    }

    /// <summary>Loads a model, or loads it again. If that fails, everything stays as it is.</summary>
    /// <exception cref="RequestException">There is none of this name.</exception>
    /// <exception cref="RiffleException">It can't be loaded.</exception>
    public void Load(string name) => Load(Find(name));

    /// <summary>Takes a model out. Its requests are answered.</summary>
    /// <exception cref="RequestException">There is none of this name.</exception>
    public void Unload(string name) => Find(name).Replace(null, "it was unloaded");

    /// <summary>Frees the models, after the requests that hold them.</summary>
    public void Dispose()
    {
        foreach (var slot in _slots)
            slot.Replace(null, "the server ends");
    }

    private void Load(Slot slot)
    {
        lock (slot.Loading)
            slot.Replace(new(slot.Source, _options, slot.Statistics), "");
    }

    private Slot Find(string? name) =>
        string.IsNullOrEmpty(name) && _slots is [var only] ? only
        : Array.Find(_slots, slot => slot.Source.Name == name)
            ?? throw RequestException.NotFound(
                string.IsNullOrEmpty(name) ? $"name one of the models {string.Join(", ", _slots.Select(slot => slot.Source.Name))}" : $"there is no model '{name}'");

    /// <summary>A name and what it stands for.</summary>
    internal sealed class Slot(ModelSource source)
    {
        private ServedModel? _current;

        public ModelSource Source { get; } = source;

        public ModelStatistics Statistics { get; } = new();

        /// <summary>One loads at a time.</summary>
        public Lock Loading { get; } = new();

        /// <summary>Null if it is not loaded.</summary>
        public ServedModel? Current => Volatile.Read(ref _current);

        /// <summary>Why it is not loaded; empty if it is.</summary>
        public string Reason { get; private set; } = "it was not loaded yet";

        public void Replace(ServedModel? model, string reason)
        {
            Reason = reason;
            Interlocked.Exchange(ref _current, model)?.Release();
        }
    }
}
