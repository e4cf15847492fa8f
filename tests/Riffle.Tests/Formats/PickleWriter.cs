using System.Text;

namespace Riffle.Tests.Formats;

/// <summary>Writes pickles opcode by opcode, as no Python writes them.</summary>
internal sealed class PickleWriter
{
    private readonly List<byte> _bytes = [];

    public PickleWriter() => Raw("\x80\x04");

    /// <summary>Opcodes and their operands, a byte for each letter.</summary>
    public PickleWriter Raw(string opcodes)
    {
        _bytes.AddRange(Encoding.Latin1.GetBytes(opcodes));
        return this;
    }

    public PickleWriter Repeat(int times, string opcodes)
    {
        for (var i = 0; i < times; i++)
            Raw(opcodes);
        return this;
    }

    /// <summary>The same for opcodes that depend on how often they came before.</summary>
    public PickleWriter Repeat(int times, Action<PickleWriter, int> write)
    {
        for (var i = 0; i < times; i++)
            write(this, i);
        return this;
    }

    public PickleWriter Text(string text) => Number('X', text.Length).Raw(text);

    /// <summary>A function or class.</summary>
    public PickleWriter Global(string module, string name) => Raw($"c{module}\n{name}\n");

    /// <summary>Stores the value on top, and brings back a stored one.</summary>
    public PickleWriter Put(int index) => Number('r', index);

    public PickleWriter Get(int index) => Number('j', index);

    /// <summary>A storage of so many floats, which no file need hold.</summary>
    public PickleWriter Storage(string key, int count) =>
        Raw("(").Text("storage").Global("torch", "FloatStorage").Text(key).Text("cpu").Number('J', count).Raw("tQ");

    /// <summary>An opcode with a number of four bytes.</summary>
    public PickleWriter Number(char opcode, int value)
    {
        _bytes.AddRange([(byte)opcode, .. BitConverter.GetBytes(value)]);
        return this;
    }

    public byte[] End()
    {
        Raw(".");
        return [.. _bytes];
    }
}
