using System.Collections.Frozen;

namespace Riffle.Formats;

/// <summary>
/// The results of a pickle's functions and classes. Those of tensors and containers are known by name. Of all others only the name is kept, and they are never
/// run.
/// torch/_utils.py and torch/_tensor.py, <c>_rebuild_…</c>.
/// </summary>
internal static class TorchCalls
{
    /// <summary>PyTorch's tensors may have 64 dimensions; no weights have more than 5.</summary>
    private const int MostDimensions = 8;

    private static readonly FrozenDictionary<string, TorchType> Storages = new Dictionary<string, TorchType>
    {
        ["torch.FloatStorage"] = new("F32", 4),
        ["torch.HalfStorage"] = new("F16", 2),
        ["torch.BFloat16Storage"] = new("BF16", 2),
        ["torch.DoubleStorage"] = new("F64", 8),
        ["torch.LongStorage"] = new("I64", 8),
        ["torch.IntStorage"] = new("I32", 4),
        ["torch.ShortStorage"] = new("I16", 2),
        ["torch.CharStorage"] = new("I8", 1),
        ["torch.ByteStorage"] = new("U8", 1),
        ["torch.BoolStorage"] = new("BOOL", 1),
        ["torch.ComplexFloatStorage"] = new("C64", 8),
        ["torch.ComplexDoubleStorage"] = new("complex128", 16),
        ["torch.QInt8Storage"] = new("qint8", 1),
        ["torch.QUInt8Storage"] = new("quint8", 1),
        ["torch.QInt32Storage"] = new("qint32", 4),
        ["torch.QUInt4x2Storage"] = new("quint4x2", 1),
        ["torch.QUInt2x4Storage"] = new("quint2x4", 1),
        ["torch.UntypedStorage"] = new("U8", 1),
        ["torch.storage.UntypedStorage"] = new("U8", 1),
    }.ToFrozenDictionary();

    /// <summary>Tensor types whose storage consists of bytes.</summary>
    private static readonly FrozenDictionary<string, TorchType> Types = new Dictionary<string, TorchType>
    {
        ["torch.float32"] = new("F32", 4),
        ["torch.float16"] = new("F16", 2),
        ["torch.bfloat16"] = new("BF16", 2),
        ["torch.float64"] = new("F64", 8),
        ["torch.float8_e4m3fn"] = new("F8_E4M3", 1),
        ["torch.float8_e5m2"] = new("F8_E5M2", 1),
        ["torch.uint16"] = new("U16", 2),
        ["torch.uint32"] = new("U32", 4),
        ["torch.uint64"] = new("U64", 8),
    }.ToFrozenDictionary();

    /// <summary>What a call makes.</summary>
    /// <param name="function">The function or class; anything else makes an object without a name.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="budget">Limits the copies.</param>
    public static object? Make(object? function, object?[] arguments, TorchBudget budget) => function switch
    {
        PickledFunction { Name: "copyreg.__newobj__" or "copy_reg.__newobj__" } when arguments is [PickledFunction type, ..] =>
            Make(type.Name, arguments[1..], budget),
        PickledFunction { Name: "torch._tensor._rebuild_from_type_v2" or "torch._tensor._rebuild_from_type" or "torch.tensor._rebuild_from_type" }
            when arguments is [PickledFunction rebuild, _, object?[] inner, ..] => Make(rebuild.Name, inner, budget),
        PickledFunction known => Make(known.Name, arguments, budget),
        PickledObject other => new PickledObject(other.Type),
        _ => new PickledObject("something without a name"),
    };

    /// <summary>Resolves a reference to something outside the pickle.</summary>
    public static object? Refer(object? id) => id switch
    {
        object?[] and ["storage", PickledFunction type, string key, _, long total, ..] parts when Storages.TryGetValue(type.Name, out var values) =>
            parts.ElementAtOrDefault(5) switch
            {
                null => new TorchStorage(values, key, total, 0, total),
                object?[] and [_, long first, long count] => new TorchStorage(values, key, total, first, count),
                _ => new PickledObject("a part of a storage"),
            },
        object?[] and ["module", PickledFunction type, ..] => type, // before PyTorch 1.6 a class of modules came with its source code
        _ => new PickledObject("a reference to something outside"),
    };

    private static object? Make(string function, object?[] arguments, TorchBudget budget) => (function, arguments) switch
    {
        ("collections.OrderedDict" or "collections.Counter" or "builtins.dict" or "__builtin__.dict", []) => new PickledDictionary(),
        ("collections.defaultdict", [] or [_]) => new PickledDictionary(),
        ("collections.OrderedDict" or "builtins.dict" or "__builtin__.dict", [List<object?> pairs]) =>
            (object?)Dictionary(pairs, budget) ?? new PickledObject(function),
        ("collections.OrderedDict" or "collections.Counter" or "builtins.dict" or "__builtin__.dict", [PickledDictionary same]) => Copy(same.Items, budget),
        ("builtins.set" or "builtins.frozenset" or "builtins.list" or "__builtin__.set" or "__builtin__.frozenset", [List<object?> values]) => values,
        ("copyreg._reconstructor" or "copy_reg._reconstructor", [PickledFunction type, _, var content]) => Reconstructed(type.Name, content, budget),
        ("torch.Size", [object?[] dimensions]) => dimensions,
        ("torch._utils._rebuild_parameter" or "torch._utils._rebuild_parameter_with_state", [TorchTensor tensor, ..]) => tensor,
        ("torch.nn.parameter.Parameter", [TorchTensor tensor, ..]) => tensor,
        ("torch._utils._rebuild_tensor" or "torch._utils._rebuild_tensor_v2", [TorchStorage storage, long offset, object?[] shape, object?[] strides, ..])
            when arguments.Length < 7 || IsPlain(arguments[6]) => Tensor(storage, storage.Type, offset, shape, strides) ?? (object)new PickledObject(function),
        ("torch._utils._rebuild_tensor_v3", [TorchStorage storage, long offset, object?[] shape, object?[] strides, _, _, PickledFunction type, ..])
            when (arguments.Length < 8 || IsPlain(arguments[7])) && Types.TryGetValue(type.Name, out var values) =>
                Tensor(storage, values, offset, shape, strides) ?? (object)new PickledObject(function),
        _ => new PickledObject(function),
    };

    private static TorchTensor? Tensor(TorchStorage storage, TorchType type, long offset, object?[] shape, object?[] strides) =>
        shape.Length <= MostDimensions && strides.Length == shape.Length && shape.Concat(strides).All(value => value is long)
            ? new TorchTensor(storage, type, offset, [.. shape.Cast<long>()], [.. strides.Cast<long>()])
            : null;

    /// <summary>Whether the stored values are used directly, without negating or conjugating them first.</summary>
    private static bool IsPlain(object? metadata) => metadata is null or PickledDictionary { Items.Count: 0 };

    /// <summary>An object of a class, made of one of the base class: protocols 0 and 1.</summary>
    private static PickledObject Reconstructed(string type, object? content, TorchBudget budget)
    {
        var made = new PickledObject(type);
        if (content is PickledDictionary entries)
        {
            budget.Spend(entries.Items.Count);
            foreach (var (key, value) in entries.Items)
                made.Add(key, value);
        }

        return made;
    }

    private static PickledDictionary? Dictionary(List<object?> pairs, TorchBudget budget)
    {
        var items = new List<(object?, object?)>();
        budget.Spend(pairs.Count);
        foreach (var pair in pairs)
        {
            if (pair is object?[] and [var key, var value])
                items.Add((key, value));
            else if (pair is List<object?> and [var first, var second])
                items.Add((first, second));
            else
                return null;
        }

        return Copy(items, budget);
    }

    private static PickledDictionary Copy(IReadOnlyList<(object? Key, object? Value)> items, TorchBudget budget)
    {
        budget.Spend(items.Count);
        var copy = new PickledDictionary();
        foreach (var (key, value) in items)
            copy.Add(key, value);
        return copy;
    }
}
