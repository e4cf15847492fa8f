using System.Buffers.Binary;
using System.Text;

namespace Riffle.Formats;

/// <summary>A storage that a pickle names: a run of values in a file of its own.</summary>
/// <param name="Type">Type of its values, by the safetensors name.</param>
/// <param name="Key">Name of its file.</param>
/// <param name="Count">Number of values as the pickle states it.</param>
internal sealed record TorchStorage(string Type, string Key, long Count);

/// <summary>A view of a storage, as the pickle states it.</summary>
/// <param name="Storage">Where its values are.</param>
/// <param name="Offset">The first of them.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Strides">Values from one index to the next, for each dimension.</param>
internal sealed record TorchTensor(TorchStorage Storage, long Offset, long[] Shape, long[] Strides);

/// <summary>A dictionary of a pickle, in its order. Keys are not compared, so nothing of a pickle is ever hashed.</summary>
internal sealed class PickledDictionary
{
    public List<(object? Key, object? Value)> Items { get; } = [];
}

/// <summary>
/// Reads the pickles that <c>torch.save</c> writes of a state dict, as a restricted machine: of all that a pickle can call it knows the few functions that make
/// tensors and ordered dictionaries, and refuses everything else by its name. Nothing of a pickle is ever looked up or run.
/// Opcodes: Python's Lib/pickletools.py (protocols 2 to 5). What PyTorch writes: torch/serialization.py and torch/_utils.py.
/// </summary>
internal sealed class TorchPickle
{
    /// <summary>PyTorch's pickler brings at most a thousand entries onto the stack before it puts them into their container.</summary>
    private const int MostOnStack = 1 << 16;

    private const string RebuildTensor = "torch._utils._rebuild_tensor", RebuildTensor2 = "torch._utils._rebuild_tensor_v2",
        RebuildParameter = "torch._utils._rebuild_parameter", OrderedDictionary = "collections.OrderedDict", Size = "torch.Size";

    private static readonly HashSet<string> Functions = [RebuildTensor, RebuildTensor2, RebuildParameter, OrderedDictionary, Size];

    /// <summary>PyTorch's names of storages, and the types of their values.</summary>
    private static readonly Dictionary<string, string> StorageTypes = new()
    {
        ["torch.FloatStorage"] = "F32",
        ["torch.HalfStorage"] = "F16",
        ["torch.BFloat16Storage"] = "BF16",
        ["torch.DoubleStorage"] = "F64",
        ["torch.LongStorage"] = "I64",
        ["torch.IntStorage"] = "I32",
        ["torch.ShortStorage"] = "I16",
        ["torch.CharStorage"] = "I8",
        ["torch.ByteStorage"] = "U8",
        ["torch.BoolStorage"] = "BOOL",
    };

    private static readonly object Mark = new();

    private readonly byte[] _bytes;
    private readonly string _name;
    private readonly List<object?> _stack = [];
    private readonly Dictionary<long, object?> _memo = [];
    private readonly Dictionary<string, TorchStorage> _storages = [];
    private int _at;
    private int _opcodeAt;

    private TorchPickle(byte[] bytes, string name, int at) => (_bytes, _name, _at) = (bytes, name, at);

    /// <summary>Reads a pickle.</summary>
    /// <param name="bytes">The pickle, and nothing before it.</param>
    /// <param name="name">What error messages call it.</param>
    /// <returns>The object: null, bool, long, double, string, array (a tuple), list, <see cref="PickledDictionary"/> or <see cref="TorchTensor"/>; and all
    /// storages that it names, by their keys.</returns>
    /// <exception cref="BadDataException">It is damaged, or holds something else; the message names that and the offset.</exception>
    public static (object? Root, IReadOnlyDictionary<string, TorchStorage> Storages) Load(byte[] bytes, string name)
    {
        var at = 0;
        return Load(bytes, name, ref at);
    }

    /// <summary>The same for one of several pickles behind each other.</summary>
    /// <param name="bytes">The file.</param>
    /// <param name="name">What error messages call it.</param>
    /// <param name="at">Where the pickle begins; receives where it ends.</param>
    public static (object? Root, IReadOnlyDictionary<string, TorchStorage> Storages) Load(byte[] bytes, string name, ref int at)
    {
        var machine = new TorchPickle(bytes, name, at);
        var root = machine.Run();
        at = machine._at;
        return (root, machine._storages);
    }

    private object? Run()
    {
        while (true)
        {
            _opcodeAt = _at;
            var opcode = Byte();
            if (opcode == '.')
                return Pop();
            Step(opcode);
            if (_stack.Count > MostOnStack)
                throw Bad($"more than {MostOnStack} values at a time");
        }
    }

    private void Step(byte opcode)
    {
        switch ((char)opcode)
        {
            case '\x80' or '\x95':
                // The protocol, and the length of a frame: nothing depends on them.
                Take(opcode == 0x80 ? 1 : 8);
                break;
            case '(':
                Push(Mark);
                break;
            case '0':
                Pop();
                break;
            case 'N':
                Push(null);
                break;
            case '\x88' or '\x89':
                Push(opcode == 0x88);
                break;
            case 'K':
                Push((long)Byte());
                break;
            case 'M':
                Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2)));
                break;
            case 'J':
                Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4)));
                break;
            case '\x8a':
                Push(LongInteger());
                break;
            case 'G':
                Push(BinaryPrimitives.ReadDoubleBigEndian(Take(8)));
                break;
            case 'U' or 'T':
                // The strings of Python 2, in which older public weights were saved.
                Push(Text(opcode == 'U' ? Byte() : BinaryPrimitives.ReadUInt32LittleEndian(Take(4))));
                break;
            case 'X':
                Push(Text(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))));
                break;
            case '\x8c':
                Push(Text(Byte()));
                break;
            case '\x8d':
                Push(Text(BinaryPrimitives.ReadUInt64LittleEndian(Take(8))));
                break;
            case 'q':
                _memo[Byte()] = Top();
                break;
            case 'r':
                _memo[BinaryPrimitives.ReadUInt32LittleEndian(Take(4))] = Top();
                break;
            case '\x94':
                _memo[_memo.Count] = Top();
                break;
            case 'h':
                Push(Remembered(Byte()));
                break;
            case 'j':
                Push(Remembered(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))));
                break;
            default:
                StepOfObjects((char)opcode);
                break;
        }
    }

    private void StepOfObjects(char opcode)
    {
        switch (opcode)
        {
            case ')':
                Push(Array.Empty<object?>());
                break;
            case 't':
                Push(SinceMark());
                break;
            case '\x85' or '\x86' or '\x87':
                Push(Last(opcode - '\x84'));
                break;
            case ']':
                Push(new List<object?>());
                break;
            case 'a':
                var value = Pop();
                Top<List<object?>>("list").Add(value);
                break;
            case 'e':
                var values = SinceMark();
                Top<List<object?>>("list").AddRange(values);
                break;
            case '}':
                Push(new PickledDictionary());
                break;
            case 's':
                AddItems(Last(2));
                break;
            case 'u':
                AddItems(SinceMark());
                break;
            case 'c':
                Push(Global(Line(), Line()));
                break;
            case '\x93':
                var names = Last(2);
                Push(names is [string module, string name] ? Global(module, name) : throw Bad("the name of a function is no text"));
                break;
            case 'Q':
                Push(Storage(Pop()));
                break;
            case 'R':
                var arguments = Pop() as object?[] ?? throw Bad("the arguments of a call are no tuple");
                Push(Call(Pop(), arguments));
                break;
            case 'b':
                // The attributes of an ordered dictionary, such as the versions of modules that PyTorch notes there.
                Pop();
                Top<PickledDictionary>("dictionary");
                break;
            default:
                throw Bad($"opcode 0x{(int)opcode:X2}, which no file of weights has");
        }
    }

    private object? Call(object? function, object?[] arguments) => ((function as Function)?.Name, arguments) switch
    {
        (OrderedDictionary, []) => new PickledDictionary(),
        (OrderedDictionary, [List<object?> pairs]) => Dictionary(pairs),
        (Size, [object?[] dimensions]) => dimensions,
        (RebuildParameter, [TorchTensor tensor, ..]) => tensor,
        (RebuildTensor or RebuildTensor2, [TorchStorage storage, long offset, object?[] shape, object?[] strides, ..]) =>
            new TorchTensor(storage, offset, Integers(shape), Integers(strides)),
        (null, _) => throw Bad("a call of something that is no function"),
        (var name, _) => throw Bad($"a call of {name} with {arguments.Length} arguments of other kinds than PyTorch writes"),
    };

    private PickledDictionary Dictionary(List<object?> pairs)
    {
        var dictionary = new PickledDictionary();
        foreach (var pair in pairs)
        {
            var (key, value) = pair switch
            {
                object?[] { Length: 2 } tuple => (tuple[0], tuple[1]),
                List<object?> { Count: 2 } list => (list[0], list[1]),
                _ => throw Bad("an entry of a dictionary is no pair"),
            };
            dictionary.Items.Add((key, value));
        }

        return dictionary;
    }

    private Function Global(string module, string name)
    {
        var full = $"{module}.{name}";
        return Functions.Contains(full) || StorageTypes.ContainsKey(full) ? new(full) : throw new BadDataException(
            $"{_name}: byte {_opcodeAt}: names {Printable(full)}, which is neither a tensor nor a container and is refused. Save the weights alone, by "
            + "torch.save(model.state_dict(), …).");
    }

    private TorchStorage Storage(object? id)
    {
        if (id is not (object?[] and ["storage", Function type, string key, string, long count, ..]) || !StorageTypes.TryGetValue(type.Name, out var values))
            throw Bad("a reference to something else than a storage");
        var storage = new TorchStorage(values, key, count);
        return _storages.TryAdd(key, storage) || _storages[key] == storage ? storage : throw Bad($"storage {Printable(key)} is of two kinds");
    }

    private long[] Integers(object?[] values) =>
        [.. values.Select(value => value is long number ? number : throw Bad("a dimension of a tensor is no whole number"))];

    private void AddItems(object?[] values)
    {
        if (values.Length % 2 != 0)
            throw Bad("a key of a dictionary has no value");
        var dictionary = Top<PickledDictionary>("dictionary");
        for (var i = 0; i < values.Length; i += 2)
            dictionary.Items.Add((values[i], values[i + 1]));
    }

    private void Push(object? value) => _stack.Add(value);

    private object? Top() => _stack.Count > 0 ? _stack[^1] : throw Bad("a value is missing");

    private T Top<T>(string kind)
        where T : class => Top() as T ?? throw Bad($"a {kind} is missing");

    private object? Pop()
    {
        var value = Top();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private object?[] Last(int count)
    {
        if (_stack.Count < count)
            throw Bad("a value is missing");
        var values = _stack[^count..].ToArray();
        _stack.RemoveRange(_stack.Count - count, count);
        return values;
    }

    private object?[] SinceMark()
    {
        var mark = _stack.LastIndexOf(Mark);
        if (mark < 0)
            throw Bad("the begin of a container is missing");
        var values = Last(_stack.Count - mark - 1);
        Pop();
        return values;
    }

    private object? Remembered(long index) => _memo.TryGetValue(index, out var value) ? value : throw Bad($"value {index} is used before it is there");

    private byte Byte() => Take(1)[0];

    private ReadOnlySpan<byte> Take(int count) => Take((ulong)count);

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)(_bytes.Length - _at))
            throw Bad($"{count} more bytes are needed, {_bytes.Length - _at} are there");
        var taken = _bytes.AsSpan(_at, (int)count);
        _at += (int)count;
        return taken;
    }

    private string Text(ulong bytes) => Encoding.UTF8.GetString(Take(bytes));

    private string Line()
    {
        var length = _bytes.AsSpan(_at).IndexOf((byte)'\n');
        if (length < 0)
            throw Bad("a line does not end");
        var line = Text((ulong)length);
        _at++;
        return line;
    }

    private long LongInteger()
    {
        var bytes = Take(Byte());
        if (bytes.Length > sizeof(long))
            throw Bad($"a whole number of {bytes.Length} bytes");
        long value = bytes.IsEmpty || bytes[^1] < 0x80 ? 0 : -1;
        for (var i = bytes.Length - 1; i >= 0; i--)
            value = (value << 8) | bytes[i];
        return value;
    }

    private static string Printable(string name) =>
        new([.. name.Take(100).Select(c => char.IsLetterOrDigit(c) || c is '.' or '_' ? c : '?')]);

    private BadDataException Bad(string what) => new($"{_name}: byte {_opcodeAt}: {what}. It is no state dict that torch.save wrote, or damaged.");

    private sealed record Function(string Name);
}
