using System.Collections.Immutable;

namespace Riffle.Formats;

/// <summary>What a file of PyTorch holds before it is understood.</summary>
/// <param name="Root">The pickled object.</param>
/// <param name="Values">The little-endian values of a storage by its key; null where the file has none.</param>
internal sealed record TorchContent(object? Root, Func<string, ReadOnlyMemory<byte>?> Values);

/// <summary>A state dict that <c>torch.save</c> wrote, in the form of today (<see cref="TorchZip"/>) or that of before PyTorch 1.6
/// (<see cref="TorchLegacy"/>).</summary>
public sealed class TorchFile : ITensorFile
{
    private const int MostDimensions = 32;

    /// <summary>Where training scripts put the state dict when they save more than that.</summary>
    private static readonly string[] Places = ["state_dict", "model_state_dict", "model"];

    private readonly Dictionary<string, View> _tensors = [];
    private readonly List<string> _names = [];
    private readonly string _path;

    private TorchFile(string path) => _path = path;

    /// <inheritdoc/>
    public IReadOnlyList<string> Names => _names;

    /// <inheritdoc/>
    public bool Contains(string name) => _tensors.ContainsKey(name);

    /// <inheritdoc/>
    public ImmutableArray<int> Shape(string name) => Find(name).Shape;

    /// <inheritdoc/>
    public float[] Get(string name)
    {
        var view = Find(name);
        if (!TensorValues.IsFloat(view.Type))
            throw new BadDataException($"{_path}: the tensor '{name}' is of type {view.Type}; F32, F16, BF16 and F64 can be read");
        if (view.Count > Array.MaxLength)
            throw new BadDataException($"{_path}: the tensor '{name}' has {view.Count} values, more than memory can hold");
        var values = new float[view.Count];
        view.Gather(values);
        return values;
    }

    /// <summary>Reads a file. Memory is taken for what it really holds, never for what it claims.</summary>
    /// <exception cref="BadDataException">It is damaged, or holds something else than tensors and containers; the message says what and where.</exception>
    /// <exception cref="RiffleException">It can't be read.</exception>
    public static TorchFile Read(string path)
    {
        try
        {
            return Create(TorchLegacy.IsOne(path) ? TorchLegacy.Read(path) : TorchZip.Read(path), path);
        }
        catch (InvalidDataException e)
        {
            throw new BadDataException($"{path}: a damaged zip file ({e.Message}); get a whole copy", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotRead(path, e);
        }
    }

    private static TorchFile Create(TorchContent content, string path)
    {
        var file = new TorchFile(path);
        foreach (var (name, tensor) in StateDict(content.Root, path))
        {
            var bytes = content.Values(tensor.Storage.Key)
                ?? throw new BadDataException($"{path}: the values of the tensor '{name}' are missing: the file has no storage {tensor.Storage.Key}");
            var view = View.Create(tensor, bytes)
                ?? throw new BadDataException($"{path}: the tensor '{name}' lies outside its {bytes.Length} bytes of values");
            if (!file._tensors.TryAdd(name, view))
                throw new BadDataException($"{path}: the tensor '{name}' comes twice");
            file._names.Add(name);
        }

        return file;
    }

    private static IEnumerable<(string Name, TorchTensor Tensor)> StateDict(object? root, string path)
    {
        var candidates = root is PickledDictionary whole
            ? [whole, .. Places.SelectMany(place => whole.Items.Where(item => place.Equals(item.Key)).Select(item => item.Value)).OfType<PickledDictionary>()]
            : Array.Empty<PickledDictionary>();
        var tensors = candidates.Select(dictionary => dictionary.Items.Where(item => item is { Key: string, Value: TorchTensor }).ToList())
            .FirstOrDefault(items => items.Count > 0);
        return tensors?.Select(item => ((string)item.Key!, (TorchTensor)item.Value!))
            ?? throw new BadDataException($"{path}: holds no state dict: a dictionary of tensors by name; save one by torch.save(model.state_dict(), …)");
    }

    private View Find(string name) =>
        _tensors.TryGetValue(name, out var view) ? view : throw new BadDataException($"{_path}: has no tensor '{name}'. Is it a file of another network?");

    /// <summary>A tensor with its values, all of which are there.</summary>
    private sealed record View(string Type, ReadOnlyMemory<byte> Bytes, long Offset, ImmutableArray<int> Shape, long[] Strides, long Count)
    {
        /// <summary>Null where a value would lie outside its storage.</summary>
        public static View? Create(TorchTensor tensor, ReadOnlyMemory<byte> bytes)
        {
            var (storage, offset, shape, strides) = tensor;
            var width = TensorValues.BytesPerValue(storage.Type)!.Value;
            if (shape.Length != strides.Length || shape.Length > MostDimensions || offset < 0 || storage.Count < 0 || storage.Count > bytes.Length / width
                || shape.Any(d => d is < 0 or > int.MaxValue) || strides.Any(stride => stride < 0))
                return null;

            // Neither overflows: each dimension and stride is below 2^63, and what is too large already stays so.
            Int128 last = offset, count = 1;
            for (var d = 0; d < shape.Length; d++)
            {
                last = Int128.Min(last + (Int128)(shape[d] - 1) * strides[d], long.MaxValue);
                count = Int128.Min(count * shape[d], long.MaxValue);
            }

            return count > 0 && last >= storage.Count ? null : new(storage.Type, bytes, offset, [.. shape.Select(d => (int)d)], strides, (long)count);
        }

        /// <summary>The values in the order of the indices, whatever order they lie in.</summary>
        public void Gather(Span<float> values)
        {
            if (Count == 0)
                return;
            var width = TensorValues.BytesPerValue(Type)!.Value;
            var run = ContiguousRun();
            var index = new int[Shape.Length];
            for (var done = 0; done < values.Length; done += run)
            {
                var at = Offset;
                for (var d = 0; d < index.Length; d++)
                    at += index[d] * Strides[d];
                TensorValues.ToFloats(Bytes.Span.Slice((int)(at * width), run * width), Type, values.Slice(done, run));
                Advance(index, run);
            }
        }

        /// <summary>How many values behind each other in the order of the indices lie behind each other in memory.</summary>
        private int ContiguousRun()
        {
            var run = 1;
            for (var d = Shape.Length - 1; d >= 0 && (Shape[d] == 1 || Strides[d] == run); d--)
                run *= Shape[d];
            return run;
        }

        private void Advance(int[] index, int run)
        {
            for (var d = index.Length - 1; d >= 0; d--)
            {
                // The dimensions within a run stay at their beginning.
                if (run >= Shape[d])
                {
                    run /= Shape[d];
                    continue;
                }

                if (++index[d] < Shape[d])
                    return;
                index[d] = 0;
                run = 1;
            }
        }
    }
}
