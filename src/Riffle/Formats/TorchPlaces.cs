namespace Riffle.Formats;

/// <summary>Finds the dictionaries of tensors in what a training script saved, wherever it put them.</summary>
internal static class TorchPlaces
{
    /// <summary>How many keys lead to one: <c>checkpoint["state"]["model"]</c> has two.</summary>
    private const int MostKeys = 3;

    /// <summary>Longer keys, and longer lists, are no places of weights.</summary>
    private const int LongestKey = 100, LongestList = 16;

    /// <summary>All dictionaries of tensors or of their placeholders, and models, with the keys that lead to each, joined by dots; those nested less
    /// deep come first.</summary>
    public static IEnumerable<(string Place, PickledDictionary Tensors)> Find(object? root, TorchBudget budget)
    {
        var queue = new Queue<(string Place, object? Value, int Keys)>([("", root, 0)]);
        while (queue.TryDequeue(out var next))
        {
            var (place, value, keys) = next;
            if (TorchModule.StateDict(value, budget) is { } model)
            {
                yield return (place, model);
                continue;
            }

            var dictionary = value as PickledDictionary ?? (value as PickledObject)?.Items;
            budget.Spend(dictionary?.Items.Count ?? 1);
            if (dictionary?.Items.Any(item => item is { Key: string, Value: TorchTensor or PickledObject }) == true)
                yield return (place, dictionary);
            if (keys == MostKeys)
                continue;
            foreach (var (key, child) in Children(value, dictionary))
            {
                if (child is PickledDictionary or PickledObject or List<object?> or object?[])
                    queue.Enqueue((place.Length == 0 ? key : $"{place}.{key}", child, keys + 1));
            }
        }
    }

    private static IEnumerable<(string Key, object? Value)> Children(object? value, PickledDictionary? dictionary) => (value, dictionary) switch
    {
        (_, not null) => dictionary.Items.Where(item => item.Key is string { Length: <= LongestKey }).Select(item => ((string)item.Key!, item.Value)),
        (IReadOnlyList<object?> { Count: <= LongestList } list, _) => list.Select((item, i) => ($"{i}", item)),
        _ => [],
    };
}
