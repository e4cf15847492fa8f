using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace Riffle.Formats;

/// <summary>
/// Reads the pickles that <c>torch.save</c> writes, as a restricted machine: it knows tensors and containers (<see cref="TorchCalls"/>). Of everything else
/// that a pickle calls or creates, it keeps only the name. Nothing in a pickle is ever looked up or executed.
/// Opcodes: Python's Lib/pickletools.py (protocols 0 to 5). What PyTorch writes: torch/serialization.py.
/// </summary>
internal sealed class TorchPickle
{
    /// <summary>The longest name of a function, and the longest whole number as text: what is longer is in no file of weights.</summary>
    private const int LongestName = 1000;

    private readonly byte[] _bytes;
    private readonly string _name;
    private readonly TorchBudget _budget;
    private readonly List<object?> _stack = [];
    private readonly List<int> _marks = [];
    private readonly Dictionary<long, object?> _memo = [];
    private readonly Dictionary<string, TorchStorage> _storages = [];
    private int _at;
    private int _opcodeAt;

    private TorchPickle(byte[] bytes, string name, int at, TorchBudget budget) => (_bytes, _name, _at, _budget) = (bytes, name, at, budget);

    /// <summary>Reads a pickle.</summary>
    /// <param name="bytes">The pickle, from the first byte.</param>
    /// <param name="name">Its name in error messages.</param>
    /// <param name="budget">Limits what is made of the pickle beyond the size of its bytes.</param>
    /// <returns>The object: null, bool, long, <see cref="BigInteger"/>, double, string, array (a tuple), list (also a set), <see cref="PickledDictionary"/>,
    /// <see cref="TorchTensor"/>, <see cref="PickledFunction"/> or <see cref="PickledObject"/>; and all storages that it names, by their keys.</returns>
    /// <exception cref="BadDataException">It is damaged; the message names the offset.</exception>
    public static (object? Root, IReadOnlyDictionary<string, TorchStorage> Storages) Load(byte[] bytes, string name, TorchBudget budget)
    {
        var at = 0;
        return Load(bytes, name, budget, ref at);
    }

    /// <summary>The same for one of several consecutive pickles.</summary>
    /// <param name="bytes">The file.</param>
    /// <param name="name">Its name in error messages.</param>
    /// <param name="budget">Limits what is made of the pickle beyond the size of its bytes.</param>
    /// <param name="at">The offset of the pickle; receives the offset of its end.</param>
    public static (object? Root, IReadOnlyDictionary<string, TorchStorage> Storages) Load(byte[] bytes, string name, TorchBudget budget, ref int at)
    {
        var machine = new TorchPickle(bytes, name, at, budget);
        var root = machine.Run();
        at = machine._at;
        return (root, machine._storages);
    }

    /// <summary>A name from a pickle as messages show it.</summary>
    public static string Printable(string name) =>
        new([.. name.Take(100).Select(c => char.IsLetterOrDigit(c) || c is '.' or '_' or ' ' ? c : '?')]);

    private object? Run()
    {
        while (true)
        {
            _opcodeAt = _at;
            var opcode = (char)Byte();
            if (opcode == '.')
                return Pop();
            if (!Scalar(opcode) && !Memory(opcode) && !Container(opcode) && !Object(opcode))
                throw Bad($"unknown opcode 0x{(int)opcode:X2}");
        }
    }

    /// <summary>Numbers, texts and bytes.</summary>
    private bool Scalar(char opcode)
    {
        switch (opcode)
        {
            case 'N':
                Push(null);
                break;
            case '\x88' or '\x89':
                Push(opcode == '\x88');
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
            case '\x8a' or '\x8b':
                PushWhole(new BigInteger(Take(opcode == '\x8a' ? Byte() : Length())));
                break;
            case 'I' or 'L':
                PushWritten(ReadLine());
                break;
            case 'G':
                Push(BinaryPrimitives.ReadDoubleBigEndian(Take(8)));
                break;
            case 'F':
                Push(double.TryParse(ReadLine(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : double.NaN);
                break;
            case 'U' or '\x8c':
                Push(Text(Byte()));
                break;
            case 'T' or 'X':
                Push(Text(Length()));
                break;
            case '\x8d':
                Push(Text(BinaryPrimitives.ReadUInt64LittleEndian(Take(8))));
                break;
            case 'S':
                Push(PickledText.Unescaped(ReadLine().Trim('\'', '"')));
                break;
            case 'V':
                Push(PickledText.Unescaped(ReadLine()));
                break;
            case 'C':
                Pass(Byte());
                break;
            case 'B':
                Pass(Length());
                break;
            case '\x8e' or '\x96':
                Pass(BinaryPrimitives.ReadUInt64LittleEndian(Take(8)));
                break;
            default:
                return false;
        }

        return true;
    }

    /// <summary>The stack and the memo.</summary>
    private bool Memory(char opcode)
    {
        switch (opcode)
        {
            case '\x80' or '\x95':
                // The protocol and the length of a frame are not needed.
                Take(opcode == '\x80' ? 1u : 8u);
                break;
            case '(':
                _marks.Add(_stack.Count);
                break;
            case '0' when _marks is [.., var mark] && mark == _stack.Count:
            case '1':
                SinceMark();
                break;
            case '0':
                Pop();
                break;
            case '2':
                Push(Top());
                break;
            case 'q':
                _memo[Byte()] = Top();
                break;
            case 'r':
                _memo[Length()] = Top();
                break;
            case 'p':
                _memo[Index()] = Top();
                break;
            case '\x94':
                _memo[_memo.Count] = Top();
                break;
            case 'h':
                Push(Remembered(Byte()));
                break;
            case 'j':
                Push(Remembered(Length()));
                break;
            case 'g':
                Push(Remembered(Index()));
                break;
            default:
                return false;
        }

        return true;
    }

    private bool Container(char opcode)
    {
        switch (opcode)
        {
            case ')':
                Push(Array.Empty<object?>());
                break;
            case 't' or '\x91':
                Push(SinceMark());
                break;
            case '\x85' or '\x86' or '\x87':
                Push(Last(opcode - '\x84'));
                break;
            case ']' or '\x8f':
                Push(new List<object?>());
                break;
            case 'l':
                Push(SinceMark().ToList());
                break;
            case 'a':
                AddValues(Last(1));
                break;
            case 'e' or '\x90':
                AddValues(SinceMark());
                break;
            case '}':
                Push(new PickledDictionary());
                break;
            case 'd':
                var items = SinceMark();
                Push(new PickledDictionary());
                AddItems(items);
                break;
            case 's':
                AddItems(Last(2));
                break;
            case 'u':
                AddItems(SinceMark());
                break;
            default:
                return false;
        }

        return true;
    }

    /// <summary>Opcodes that name a function or class, call it, or set the attributes of an object.</summary>
    private bool Object(char opcode)
    {
        switch (opcode)
        {
            case 'c':
                Push(Function(ReadLine(), ReadLine()));
                break;
            case '\x93':
                Push(Last(2) is [string module, string name] ? Function(module, name) : throw Bad("the name of a function is not text"));
                break;
            case '\x82' or '\x83' or '\x84':
                Take(1u << (opcode - '\x82'));
                Push(new PickledFunction("something from the registry of extensions"));
                break;
            case 'Q':
                Push(Referred(Pop()));
                break;
            case 'P':
                Push(Referred(PickledText.Reference(ReadLine())));
                break;
            case 'R' or '\x81':
                var arguments = Arguments(Pop());
                Push(TorchCalls.Make(Pop(), arguments, _budget));
                break;
            case '\x92':
                var (named, positional) = (Pop() as PickledDictionary, Arguments(Pop()));
                var type = Pop();
                Push(TorchCalls.Make(type, named is { Items.Count: 0 } ? positional : [.. positional, named], _budget));
                break;
            case 'i':
                var known = Function(ReadLine(), ReadLine());
                Push(TorchCalls.Make(known, SinceMark(), _budget));
                break;
            case 'o':
                Push(SinceMark() is [var first, .. var rest] ? TorchCalls.Make(first, rest, _budget) : throw Bad("the class of an object is missing"));
                break;
            case 'b':
                var state = Pop();
                if (Top() is PickledObject made)
                    made.State = state;
                else if (Top() is TorchTensor)
                    throw Bad("a tensor is changed after its creation, which PyTorch never does");
                break;
            case '\x97':
                Push(new PickledObject("a buffer outside the pickle"));
                break;
            case '\x98':
                Top();
                break;
            default:
                return false;
        }

        return true;
    }

    private PickledFunction Function(string module, string name) => module.Length + name.Length <= LongestName
        ? new($"{module}.{name}")
        : throw Bad($"the name of a function has {module.Length + name.Length} characters");

    private object? Referred(object? id)
    {
        var value = TorchCalls.Refer(id);
        if (value is TorchStorage storage)
        {
            var whole = storage with { First = 0, Count = storage.Total };
            if (!_storages.TryAdd(storage.Key, whole) && _storages[storage.Key] != whole)
                throw Bad("a storage has two types");
        }

        return value;
    }

    private object?[] Arguments(object? value) => value as object?[] ?? throw Bad("the arguments of a call are not a tuple");

    private void AddValues(object?[] values)
    {
        if (Top() is List<object?> list)
            list.AddRange(values);
        else if (Top() is not PickledObject)
            throw Bad("a list is missing");
    }

    private void AddItems(object?[] values)
    {
        if (values.Length % 2 != 0)
            throw Bad("a key of a dictionary has no value");
        Action<object?, object?> add = Top() switch
        {
            PickledDictionary dictionary => dictionary.Add,
            PickledObject other => other.Add,
            _ => throw Bad("a dictionary is missing"),
        };
        for (var i = 0; i < values.Length; i += 2)
            add(values[i], values[i + 1]);
    }

    private void Push(object? value) => _stack.Add(value);

    /// <summary>Bytes are passed over: no weights are among them.</summary>
    private void Pass(ulong count)
    {
        Take(count);
        Push(new PickledObject("bytes"));
    }

    private object? Top() => _stack.Count > FrameBase ? _stack[^1] : throw Bad("a value is missing");

    /// <summary>The height of the stack at the last mark. Values below it belong to an outer container.</summary>
    private int FrameBase => _marks is [.., var mark] ? mark : 0;

    private object? Pop()
    {
        var value = Top();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private object?[] Last(int count)
    {
        if (_stack.Count - count < FrameBase)
            throw Bad("a value is missing");
        var values = _stack[^count..].ToArray();
        _stack.RemoveRange(_stack.Count - count, count);
        return values;
    }

    private object?[] SinceMark()
    {
        if (_marks.Count == 0)
            throw Bad("the start of a container is missing");
        var values = Last(_stack.Count - FrameBase);
        _marks.RemoveAt(_marks.Count - 1);
        return values;
    }

    private object? Remembered(long index) => _memo.TryGetValue(index, out var value) ? value : throw Bad($"value {index} is used before it is defined");

    private byte Byte() => Take(1)[0];

    private uint Length() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)(_bytes.Length - _at))
            throw Bad($"{count} more bytes are needed, but only {_bytes.Length - _at} are left");
        var taken = _bytes.AsSpan(_at, (int)count);
        _at += (int)count;
        return taken;
    }

    private string Text(ulong bytes) => Encoding.UTF8.GetString(Take(bytes));

    private string ReadLine()
    {
        var length = _bytes.AsSpan(_at).IndexOf((byte)'\n');
        if (length < 0)
            throw Bad("a line does not end");
        var line = Text((ulong)length);
        _at++;
        return line;
    }

    private long Index() =>
        long.TryParse(ReadLine(), NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? index : throw Bad("a memo index is not a number");

    /// <summary>A whole number as text; <c>00</c> and <c>01</c> are how protocols 0 and 1 write false and true.</summary>
    private void PushWritten(string line)
    {
        if (line is "00" or "01")
            Push(line == "01");
        else
            PushWhole(line.Length <= LongestName && PickledText.Whole(line) is { } number ? number : throw Bad("an integer is invalid"));
    }

    private void PushWhole(BigInteger number)
    {
        if (number >= long.MinValue && number <= long.MaxValue)
            Push((long)number);
        else
            Push(number);
    }

    private BadDataException Bad(string what) => new($"{_name}: byte {_opcodeAt}: {what}. The file is damaged, or torch.save did not write it.");
}
