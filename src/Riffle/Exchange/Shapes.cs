using Riffle.Formats.Onnx;

namespace Riffle.Exchange;

/// <summary>What nodes do to shapes, the same for constants and for what is computed.</summary>
internal static class Shapes
{
    /// <summary>Sizes that can be a shape: each from 0 on, and no more of them than a tensor has axes.</summary>
    public static void Require(OnnxOperation operation, long[] shape)
    {
        if (shape.Length > TensorReader.MostAxes)
            throw operation.Bad($"its result has {shape.Length} axes, where {TensorReader.MostAxes} are the most");
        if (shape.Any(size => size < 0))
            throw operation.Bad($"its result's shape [{string.Join(", ", shape)}] is not one");
    }

    /// <summary>The shape that Reshape is told, with 0 and −1 in it.</summary>
    public static long[] Target(OnnxOperation operation) =>
        operation.Integers("shape") ?? operation.Integers(1) ?? throw operation.Bad("it has no shape");

    /// <summary>A shape without 0, which takes the input's size, and −1, which takes what is left.</summary>
    public static long[] Resolve(OnnxOperation operation, long[] input, long[] target)
    {
        if (target.Length > TensorReader.MostAxes)
            throw operation.Bad($"its shape has {target.Length} axes, where {TensorReader.MostAxes} are the most");
        long[] shape = [.. target.Select((size, axis) => size != 0 || operation.Integer("allowzero", 0) == 1
            ? size
            : axis < input.Length ? input[axis] : throw operation.Bad($"its shape has a 0 at axis {axis} of {input.Length}"))];
        var free = Array.IndexOf(shape, -1L);
        if (shape.Any(size => size < -1) || (free >= 0 && Array.LastIndexOf(shape, -1L) != free))
            throw operation.Bad($"its shape [{string.Join(", ", target)}] is not one");
        var (total, known) = (Product(input), Product(shape.Where(size => size >= 0)));
        if (free >= 0)
        {
            if (known == 0 || total % known != 0)
                throw operation.Bad($"its input [{string.Join(", ", input)}] does not fit its shape [{string.Join(", ", target)}]");
            shape[free] = (long)(total / known);
        }

        return Product(shape) == total
            ? shape
            : throw operation.Bad($"its input [{string.Join(", ", input)}] does not fit its shape [{string.Join(", ", target)}]");
    }

    /// <summary>Two dimensions: what is before an axis, and the rest.</summary>
    public static long[] Flatten(OnnxOperation operation, long[] input)
    {
        var axis = operation.Integer("axis", 1);
        var at = axis == input.Length ? input.Length : operation.Axis(axis, input.Length);
        return [(long)Product(input[..at]), (long)Product(input[at..])];
    }

    /// <summary>Squeeze and Unsqueeze: dimensions of 1 go or come.</summary>
    public static long[] Squeeze(OnnxOperation operation, long[] input)
    {
        var axes = operation.Integers("axes") ?? operation.Integers(1);
        if (operation.Node.Operator == "Squeeze")
        {
            int[] gone = axes is null
                ? [.. Enumerable.Range(0, input.Length).Where(axis => input[axis] == 1)]
                : [.. axes.Select(axis => operation.Axis(axis, input.Length))];
            if (gone.Any(axis => input[axis] != 1))
                throw operation.Bad("it takes away a dimension that is not 1");
            return [.. input.Where((_, axis) => !gone.Contains(axis))];
        }

        var rank = input.Length + (axes ?? throw operation.Bad("it has no axes")).Length;
        if (rank > TensorReader.MostAxes)
            throw operation.Bad($"its result has {rank} axes, where {TensorReader.MostAxes} are the most");
        int[] added = [.. axes.Select(axis => operation.Axis(axis, rank))];
        if (added.Distinct().Count() != added.Length)
            throw operation.Bad("an axis comes twice");
        var rest = new Queue<long>(input);
        return [.. Enumerable.Range(0, rank).Select(axis => added.Contains(axis) ? 1 : rest.Dequeue())];
    }

    /// <summary>The order that Transpose gives axes; reversed where it is not told.</summary>
    public static int[] Permutation(OnnxOperation operation, int rank)
    {
        int[] order = operation.Integers("perm") is { } given
            ? [.. given.Select(axis => operation.Axis(axis, rank))]
            : [.. Enumerable.Range(0, rank).Reverse()];
        return order.Length == rank && order.Distinct().Count() == rank
            ? order
            : throw operation.Bad($"its order [{string.Join(", ", order)}] is none of {rank} axes");
    }

    /// <summary>The axes that Slice cuts, each with its first place, how many there are, and the step from one to the next.</summary>
    public static IEnumerable<(int Axis, long Start, long Count, long Step)> Slices(OnnxOperation operation, long[] input)
    {
        var starts = operation.Integers("starts") ?? operation.Integers(1) ?? throw operation.Bad("it has no starts");
        var ends = operation.Integers("ends") ?? operation.Integers(2) ?? throw operation.Bad("it has no ends");
        var axes = operation.Integers("axes") ?? operation.Integers(3) ?? [.. Enumerable.Range(0, starts.Length).Select(axis => (long)axis)];
        var steps = operation.Integers(4) ?? [.. starts.Select(_ => 1L)];
        if (ends.Length != starts.Length || axes.Length != starts.Length || steps.Length != starts.Length)
            throw operation.Bad("it has not as many ends, axes and steps as starts");
        for (var i = 0; i < starts.Length; i++)
        {
            var axis = operation.Axis(axes[i], input.Length);
            var (size, step) = (input[axis], steps[i]);
            if (step is 0 or long.MinValue)
                throw operation.Bad("a step of it is none");

            // Backward it may begin at the last place and end before the first.
            long Place(long at, int shift) => Math.Clamp(at < 0 ? at + size : at, -shift, size - shift);
            var shift = step > 0 ? 0 : 1;
            var (start, end) = (step > 0 ? Place(starts[i], 0) : Math.Clamp(Place(starts[i], 1), 0, Math.Max(0, size - 1)), Place(ends[i], shift));
            var distance = step > 0 ? end - start : start - end;
            yield return (axis, start, size == 0 ? 0 : Math.Max(0, (distance + Math.Abs(step) - 1) / Math.Abs(step)), step);
        }
    }

    /// <summary>Number of values of a shape; what is more than any memory holds is no longer counted.</summary>
    public static Int128 Product(IEnumerable<long> sizes)
    {
        Int128 product = 1;
        foreach (var size in sizes)
            product = Int128.Min(product * size, long.MaxValue); // beyond any size: no overflow
        return product;
    }
}
