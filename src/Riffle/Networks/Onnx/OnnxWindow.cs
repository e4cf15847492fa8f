namespace Riffle.Networks;

/// <summary>The attributes that ONNX's convolutions and pools have in common.</summary>
/// <param name="Kernel">Height and width.</param>
/// <param name="Stride">Step in both directions.</param>
/// <param name="Own">The node's own padding.</param>
/// <param name="Added">Zeros that nodes before it have added.</param>
internal readonly record struct OnnxWindow(int Kernel, int Stride, Padding Own, Padding Added)
{
    /// <summary>The largest kernel, stride and border: no image is larger.</summary>
    private const int Most = 1 << 16;

    /// <summary>All that is added around an image.</summary>
    public Padding Padding => new(Own.Top + Added.Top, Own.Left + Added.Left, Own.Bottom + Added.Bottom, Own.Right + Added.Right);

    /// <summary>The attributes of a window.</summary>
    public static (string, object)[] Attributes(int kernel, int stride, Padding padding) =>
    [
        ("kernel_shape", (long[])[kernel, kernel]),
        ("strides", (long[])[stride, stride]),
        ("pads", (long[])[padding.Top, padding.Left, padding.Bottom, padding.Right]),
    ];

    /// <summary>The window of a pool.</summary>
    public static OnnxWindow Read(IOnnxNode node)
    {
        var size = node.Integers("kernel_shape") ?? throw node.Bad("it has no kernel_shape");
        node.Require(size.Length == 2, $"a pool over {size.Length} dimensions");
        return Read(node, size, "pool");
    }

    /// <summary>The window of a node.</summary>
    /// <param name="node">The node.</param>
    /// <param name="size">Its height and width.</param>
    /// <param name="what">What messages call it.</param>
    public static OnnxWindow Read(IOnnxNode node, long[] size, string what)
    {
        node.Require((node.Integers("dilations") ?? []).All(step => step == 1), $"a dilated {what}");
        var (kernel, stride) = (Square(node, size, "a window"), Square(node, node.Integers("strides") ?? [1, 1], "strides"));
        return new(kernel, stride, Pads(node, kernel, stride), node.PaddingOf(0));
    }

    /// <summary>The padding with ceil_mode's addition: one more window if some pixels remain, unless it would begin beyond the image.</summary>
    public Padding Ceiled(IOnnxNode node, Shape input)
    {
        if (node.Integer("ceil_mode", 0) == 0)
            return Padding;
        var (kernel, stride, padding) = (Kernel, Stride, Padding);
        int More(int length, int before, int behind)
        {
            var windows = (length + before + behind - kernel + stride - 1) / stride + 1;
            windows -= (windows - 1) * stride >= length + before ? 1 : 0;
            return Math.Max(behind, (windows - 1) * stride + kernel - length - before);
        }

        return padding with { Bottom = More(input.Height, padding.Top, padding.Bottom), Right = More(input.Width, padding.Left, padding.Right) };
    }

    private static int Square(IOnnxNode node, long[] sizes, string what)
    {
        if (sizes is not [var height, var width] || height != width)
            throw node.Unsupported($"{what} of {string.Join('×', sizes.Take(4))}; Riffle has square ones");
        node.Require(height <= Most, $"{what} of {height}");
        return height > 0 ? (int)height : throw node.Bad($"{what} of {height}");
    }

    private static Padding Pads(IOnnxNode node, int kernel, int stride)
    {
        var auto = node.Text("auto_pad", "NOTSET");
        if (auto is "SAME_UPPER" or "SAME_LOWER")
        {
            // The stride determines the number of windows. An odd number of padding pixels adds one more at the end, or at the beginning.
            (int Before, int Behind) Same(int length)
            {
                var all = Math.Max(0, ((length + stride - 1) / stride - 1) * stride + kernel - length);
                return auto == "SAME_UPPER" ? (all / 2, all - all / 2) : (all - all / 2, all / 2);
            }

            var shape = node.ShapeOf(0);
            var ((top, bottom), (left, right)) = (Same(shape.Height), Same(shape.Width));
            return new(top, left, bottom, right);
        }

        node.Require(auto is "NOTSET" or "VALID" or "", $"auto_pad {auto}");
        var pads = auto == "VALID" ? [0, 0, 0, 0] : node.Integers("pads") ?? [0, 0, 0, 0];
        if (pads is not [_, _, _, _])
            throw node.Bad($"it has {pads.Length} pads");
        node.Require(pads.All(pad => pad <= Most), $"a border of {pads.Max()}");
        return new(node.Size(pads[0]), node.Size(pads[1]), node.Size(pads[2]), node.Size(pads[3]));
    }
}
