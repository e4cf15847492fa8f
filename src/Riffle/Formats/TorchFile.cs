using System.Collections.Immutable;

namespace Riffle.Formats;

/// <summary>A dictionary of tensors in a file that <c>torch.save</c> wrote, in the current form (<see cref="TorchZip"/>) or the one before PyTorch 1.6
/// (<see cref="TorchLegacy"/>).</summary>
internal sealed class TorchFile : ITensorFile
{
    /// <summary>The longest name of a tensor; what has a longer one is passed over.</summary>
    private const int LongestName = 1000;

    /// <summary>How many values a tensor may have that repeats fewer: a tiny file can name more of them than memory holds.</summary>
    private const int MostRepeated = 1 << 20;

    private const string WayOut = "save plain tensors with torch.save(model.state_dict(), …)";

    private readonly string _path;
    private readonly Dictionary<string, object> _tensors = []; // descriptions of tensors, and of what should be one and can't be read
    private readonly IReadOnlyDictionary<string, ReadOnlyMemory<byte>> _storages;

    private TorchFile(string path, string place, PickledDictionary tensors, IReadOnlyDictionary<string, ReadOnlyMemory<byte>> storages)
    {
        (_path, Place, _storages) = (path, place, storages);
        foreach (var (key, value) in tensors.Items)
        {
            if (key is string { Length: <= LongestName } name && value is TorchTensor or PickledObject)
                _tensors[name] = value;
        }

        Names = [.. _tensors.Where(entry => entry.Value is TorchTensor).Select(entry => entry.Key)];
    }

    /// <inheritdoc/>
    public string Place { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Names { get; }

    /// <inheritdoc/>
    public bool Contains(string name) => _tensors.ContainsKey(name);

    /// <inheritdoc/>
    public ImmutableArray<int> Shape(string name) => Find(name).Shape;

    /// <inheritdoc/>
    public float[] Get(string name)
    {
        var view = Find(name);
        if (!TensorValues.IsFloat(view.Type.Name))
            throw new BadDataException($"{_path}: the tensor '{name}' has the unsupported type {view.Type.Name}; Riffle reads F32, F16, BF16 and F64");
        var values = new float[view.Count];
        view.Gather(values);
        return values;
    }

    /// <summary>Reads all dictionaries of tensors in a file, and whole models; less deeply nested ones come first. Memory is allocated for what the file
    /// really contains, never for what it claims, and nothing in it is ever executed.</summary>
    /// <exception cref="BadDataException">It is damaged, or has no named tensors. The message says what and where.</exception>
    /// <exception cref="RiffleException">It can't be read.</exception>
    public static IReadOnlyList<TorchFile> Read(string path)
    {
        try
        {
            using var content = TorchLegacy.IsLegacy(TensorFile.Start(path)) ? TorchLegacy.Read(path) : TorchZip.Read(path);
            var found = TorchPlaces.Find(content.Root, content.Budget).ToArray();
            var sets = Array.FindAll(found, set => set.Tensors.Items.Any(item => item.Value is TorchTensor));
            if (sets.Length == 0)
                throw new BadDataException($"{path}: contains no state dict (a dictionary of tensors by name){Instead(content.Root, found)}; {WayOut}");

            var storages = new Dictionary<string, ReadOnlyMemory<byte>>();
            foreach (var key in sets.SelectMany(set => set.Tensors.Items).Select(item => item.Value).OfType<TorchTensor>().Select(tensor => tensor.Storage.Key))
            {
                if (!storages.ContainsKey(key) && content.Values(key) is { } bytes)
                    storages.Add(key, bytes);
            }

            return [.. sets.Select(set => new TorchFile(path, set.Place, set.Tensors, storages))];
        }
        catch (InvalidDataException e)
        {
            throw new BadDataException($"{path}: the zip file is damaged ({e.Message}); download or copy it again", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotRead(path, e);
        }
    }

    /// <summary>What there is in place of a state dict.</summary>
    private static string Instead(object? root, (string Place, PickledDictionary Tensors)[] found)
    {
        var others = from set in found
                     from item in set.Tensors.Items
                     where item.Value is PickledObject
                     select $", but '{TorchPickle.Printable($"{set.Place}.{item.Key}".TrimStart('.'))}' {MadeBy((PickledObject)item.Value!)}";
        return root switch
        {
            TorchTensor => ", only a single tensor without a name",
            PickledObject { Items: null } made => $", only an object of type {TorchPickle.Printable(made.Type)}",
            _ => others.FirstOrDefault() ?? "",
        };
    }

    private static string MadeBy(PickledObject made) =>
        $"is created by {TorchPickle.Printable(made.Type)}, which is not a plain tensor, and Riffle never runs code from a file";

    private TorchView Find(string name)
    {
        if (!_tensors.TryGetValue(name, out var found))
            throw new BadDataException($"{_path}: there is no tensor '{name}'. Does the file belong to another network?");
        if (found is not TorchTensor tensor)
            throw new BadDataException($"{_path}: '{name}' {MadeBy((PickledObject)found)}; {WayOut}");
        if (!_storages.TryGetValue(tensor.Storage.Key, out var bytes))
            throw new BadDataException($"{_path}: the tensor '{name}' has no values: storage {TorchPickle.Printable(tensor.Storage.Key)} is missing");
        var view = TorchView.Create(tensor, bytes)
            ?? throw new BadDataException($"{_path}: the tensor '{name}' extends beyond the {bytes.Length} bytes of its storage");
        return view.Count <= Math.Max(view.Stored, MostRepeated) ? view : throw new BadDataException(
            $"{_path}: the tensor '{name}' has {view.Count} values, but stores only {view.Stored}");
    }
}
