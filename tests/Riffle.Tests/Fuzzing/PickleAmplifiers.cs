using Riffle.Tests.Formats;

namespace Riffle.Tests.Fuzzing;

/// <summary>Pickles that name one large thing again and again, or go deeper and deeper.</summary>
internal static class PickleAmplifiers
{
    private const int Many = 20_000, Few = 4_000;

    public static IEnumerable<(string Name, byte[] Bytes)> All { get; } =
    [
        ("an ordered dictionary of one list, many times", new PickleWriter().Global("collections", "OrderedDict").Put(0)
            .Raw("](").Repeat(Many, "K\x01K\x02\x86").Raw("e").Put(1).Repeat(Few, (w, _) => w.Get(0).Get(1).Raw("\x85R0")).Raw("}").End()),
        ("a copy of one dictionary, many times", new PickleWriter().Global("collections", "OrderedDict").Put(0)
            .Raw("}(").Repeat(Many, "K\x01K\x02").Raw("u").Put(1).Repeat(Few, (w, _) => w.Get(0).Get(1).Raw("\x85R0")).Raw("}").End()),
        ("an object of a class with one dictionary, many times", new PickleWriter().Global("copyreg", "_reconstructor").Put(0).Global("a", "B").Put(2)
            .Raw("}(").Repeat(Many, "K\x01K\x02").Raw("u").Put(1).Repeat(Few, (w, _) => w.Get(0).Get(2).Get(2).Get(1).Raw("\x87R0")).Raw("}").End()),
        ("a tensor of one shape without end, many times", new PickleWriter().Global("torch._utils", "_rebuild_tensor_v2").Put(0)
            .Raw("(").Repeat(Many, "K\x01").Raw("t").Put(1).Storage("0", 1).Put(2)
            .Raw("}(").Repeat(Few, (w, i) => w.Text($"{i}").Get(0).Raw("(").Get(2).Raw("K\x00").Get(1).Get(1).Raw("\x89}tR")).Raw("u").End()),
        ("one long text as the name of a function, many times", new PickleWriter().Text(new string('n', Many)).Put(0)
            .Repeat(Few, (w, _) => w.Get(0).Get(0).Raw("\x93" + "0")).Raw("}").End()),
        ("one long text as the name of every tensor", new PickleWriter().Text(new string('n', 4 * Many)).Put(0).Global("a", "b").Raw(")R").Put(1)
            .Raw("}(").Repeat(Few, (w, _) => w.Get(0).Get(1)).Raw("u").End()),
        ("dictionaries with one long key in each other", new PickleWriter().Text(new string('n', Many)).Put(0).Raw("}").Put(1)
            .Repeat(Few, (w, i) => w.Raw("}").Get(0).Get(1 + i).Raw("s").Put(2 + i)).End()),
        ("tuples in tuples", new PickleWriter().Raw(")").Repeat(10 * Many, "\x85").End()),
        ("lists in lists", new PickleWriter().Raw("]").Put(0).Repeat(Many, (w, i) => w.Raw("]").Get(i).Raw("a").Put(i + 1)).End()),
        ("tuples of twice the tuple before", new PickleWriter().Raw(")").Repeat(10 * Many, "2\x86").End()),
        ("subclasses of tensors in each other", new PickleWriter().Global("torch._tensor", "_rebuild_from_type_v2").Put(0).Raw(")").Put(1)
            .Repeat(Few, (w, _) => w.Raw("(").Get(0).Get(0).Get(1).Raw("Nt").Put(1)).Raw("0").Get(0).Get(1).Raw("R").End()),
        ("values without end", new PickleWriter().Repeat(5 * Many, "N").End()),
        ("marks without end", new PickleWriter().Repeat(5 * Many, "(").End()),
        ("containers without end", new PickleWriter().Repeat(5 * Many, "}").End()),
        ("a memo without end", new PickleWriter().Raw("}").Repeat(5 * Many, "\x94").End()),
        ("a whole number of many bytes", new PickleWriter().Number('\x8b', Many).Repeat(Many, "\x7f").Repeat(Few, "2").End()),
        ("a whole number of many digits", new PickleWriter().Raw("L").Repeat(Many, "9").Raw("L\n.").End()),
        ("a text that is claimed to be long", new PickleWriter().Number('X', int.MaxValue).Raw("a").End()),
        ("a frame that is claimed to be long", new PickleWriter().Raw("\x95\xff\xff\xff\xff\xff\xff\xff\x7f}").End()),
        ("one dictionary in one dictionary in one dictionary, many times each", Nested(1000)),
        ("a dictionary that holds itself", new PickleWriter().Raw("}").Put(0)
            .Repeat(50, (w, i) => w.Text($"{i}").Get(0).Raw("s")).End()),
        ("one state dict at many places", new PickleWriter().Global("torch._utils", "_rebuild_tensor_v2").Put(0).Storage("0", 1).Put(2)
            .Get(0).Raw("(").Get(2).Raw("K\x00))\x89}tR").Put(3)
            .Raw("}(").Repeat(1000, (w, i) => w.Text($"{i}").Get(3)).Raw("u").Put(1).Raw("}(").Repeat(Few, (w, i) => w.Text($"{i}").Get(1)).Raw("u").End()),
        ("a module with two of the one before, many times", Modules(60, twice: true)),
        ("a module that is its own child", new PickleWriter().Raw("c__main__\nM\n)\x81").Put(0).Raw("}(").Text("_parameters").Raw("}").Text("_buffers").Raw("}")
            .Text("_modules").Raw("}").Text("a").Get(0).Raw("s").Text("b").Raw("N").Raw("ub").End()),
        ("modules in modules", Modules(Few, twice: false)),
    ];

    private static byte[] Nested(int count)
    {
        var writer = new PickleWriter().Raw("}").Put(0);
        for (var level = 0; level < 3; level++)
            writer.Raw("}(").Repeat(count, (w, i) => w.Text($"{i}").Get(level)).Raw("u").Put(level + 1);
        return writer.End();
    }

    /// <summary>Each has the one before as its child, under one name or two.</summary>
    private static byte[] Modules(int count, bool twice)
    {
        var writer = new PickleWriter().Raw("N").Put(0);
        for (var i = 0; i < count; i++)
        {
            writer.Raw("c__main__\nM\n)\x81}(").Text("_parameters").Raw("}").Text("_buffers").Raw("}").Text("_modules").Raw("}(").Text("a").Get(i);
            if (twice)
                writer.Text("b").Get(i);
            writer.Raw("uub").Put(i + 1);
        }

        return writer.End();
    }
}
