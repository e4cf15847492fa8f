namespace Riffle.Formats;

/// <summary>Type of values by its safetensors name where it has one, and the bytes of a value.</summary>
internal readonly record struct TorchType(string Name, int Width);

/// <summary>A storage that a pickle names: a run of values in a file of its own, or a part of one.</summary>
/// <param name="Type">Type of its values.</param>
/// <param name="Key">Name of its file.</param>
/// <param name="Total">Number of values in that file as the pickle states it.</param>
/// <param name="First">The first value of this storage in it.</param>
/// <param name="Count">Number of values of this storage.</param>
internal sealed record TorchStorage(TorchType Type, string Key, long Total, long First, long Count);

/// <summary>A view of a storage, as the pickle states it.</summary>
/// <param name="Storage">Where its values are.</param>
/// <param name="Type">Type of the values.</param>
/// <param name="Offset">The first of them.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Strides">Values from one index to the next, for each dimension.</param>
internal sealed record TorchTensor(TorchStorage Storage, TorchType Type, long Offset, long[] Shape, long[] Strides);

/// <summary>A dictionary of a pickle, in its order. Keys are not compared, so nothing of a pickle is ever hashed.</summary>
internal sealed class PickledDictionary
{
    private List<(object? Key, object? Value)>? _items;

    public IReadOnlyList<(object? Key, object? Value)> Items => _items ?? (IReadOnlyList<(object? Key, object? Value)>)[];

    public void Add(object? key, object? value) => (_items ??= []).Add((key, value));

    /// <summary>The last value that was set for a key, as in Python; null where there is none.</summary>
    public object? this[string key] => Items.LastOrDefault(item => item.Key is string name && name == key).Value;
}

/// <summary>A function or class of a pickle. Only its name is known.</summary>
internal sealed record PickledFunction(string Name);

/// <summary>What a pickle makes by a function or class that is not known here. It is passed over: nothing is run, and it never becomes a tensor.</summary>
/// <param name="type">The function or class.</param>
internal sealed class PickledObject(string type)
{
    public string Type { get; } = type;

    /// <summary>The entries that the pickle sets in it, as in a dictionary; null where it sets none.</summary>
    public PickledDictionary? Items { get; private set; }

    /// <summary>The attributes that the pickle sets.</summary>
    public object? State { get; set; }

    public void Add(object? key, object? value) => (Items ??= new()).Add(key, value);
}

/// <summary>
/// Limits what is made of a pickle beyond the size of its bytes. A pickle can refer to one list a thousand times; the result must stay in proportion to its
/// size.
/// </summary>
/// <param name="bytes">Length of the pickle.</param>
/// <param name="name">Its name in error messages.</param>
internal sealed class TorchBudget(long bytes, string name)
{
    private long _left = (4 * bytes) + (1 << 16);

    /// <exception cref="BadDataException">The limit is exceeded.</exception>
    public void Spend(long count)
    {
        if ((_left -= count) < 0)
            throw new BadDataException($"{name}: refused, because it expands to far more data than its {bytes} bytes can contain");
    }
}
