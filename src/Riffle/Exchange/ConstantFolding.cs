using Riffle.Formats.Onnx;

namespace Riffle.Exchange;

/// <summary>Computes nodes all of whose inputs are constants: the arithmetic of shapes and of weights that exporters leave in a graph.</summary>
internal static class ConstantFolding
{
    /// <summary>Memory of a constant beside its values.</summary>
    private const int BytesOfConstant = 128;

    /// <summary>Operators that are computed.</summary>
    public static IReadOnlySet<string> Operators { get; } = new HashSet<string>
    {
        "Constant", "Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Concat", "Gather", "Slice", "Expand", "Tile", "Range",
        "Mul", "Add", "Sub", "Div", "Pow", "Max", "Min", "Neg", "Abs", "Reciprocal", "Floor", "Ceil", "Sqrt", "ConstantOfShape", "ReduceProd",
    };

    /// <summary>The value of a node.</summary>
    /// <exception cref="RiffleException">It can't be computed.</exception>
    public static OnnxTensor Compute(OnnxOperation operation)
    {
        OnnxTensor Input(int input) => operation.Constant(input) ?? throw operation.Bad($"its input {input} is missing");
        var node = operation.Node;
        switch (node.Operator)
        {
            case "Constant":
                return Constant(operation);
            case "Identity":
                return Input(0);
            case "Cast":
                return Cast(operation, Input(0), (OnnxType)operation.Integer("to", (long)OnnxType.Float));
            case "Reshape":
                return Reshape(operation, Input(0), Shapes.Resolve(operation, Input(0).Shape, Shapes.Target(operation)));
            case "Flatten":
                return Reshape(operation, Input(0), Shapes.Flatten(operation, Input(0).Shape));
            case "Squeeze" or "Unsqueeze":
                return Reshape(operation, Input(0), Shapes.Squeeze(operation, Input(0).Shape));
            case "Transpose":
                return Transpose(operation, Input(0));
            case "Concat":
                return Concat(operation, [.. node.Inputs.Select((_, i) => Input(i))]);
            case "Gather":
                return Gather(operation, Input(0), Input(1));
            case "Slice":
                return Slice(operation, Input(0));
            case "Expand":
                return Expand(operation, Input(0), operation.Integers(1) ?? throw operation.Bad("it has no shape"));
            case "Tile":
                return Tile(operation, Input(0), operation.Integers(1) ?? throw operation.Bad("it has no repeats"));
            case "Range":
                return Range(operation, Input(0), Input(1), Input(2));
            case "Floor":
                return Each(operation, Input(0), Math.Floor);
            case "Ceil":
                return Each(operation, Input(0), Math.Ceiling);
            case "Sqrt":
                return Each(operation, Input(0), Math.Sqrt);
            case "Neg":
                return Each(operation, Input(0), value => -value);
            case "Abs":
                return Each(operation, Input(0), Math.Abs);
            case "Reciprocal":
                return Each(operation, Input(0), value => 1 / value);
            case "ConstantOfShape":
                var shape = operation.Integers(0) ?? throw operation.Bad("it has no shape");
                var value = operation.Tensor("value") ?? OnnxTensor.Of("", [1], [0f]);
                return Make(operation, shape, value.Integers is not null, _ => Get(value, 0));
            case "ReduceProd":
                var product = Enumerable.Range(0, Input(0).Count).Aggregate(1.0, (a, i) => a * Get(Input(0), i));
                operation.Require(operation.Integers("axes") is null || Input(0).Shape.Length == 1, "a product over some axes only");
                return Make(operation, operation.Integer("keepdims", 1) == 1 ? [1] : [], Input(0).Integers is not null, _ => product);
            case "Max" or "Min":
                return node.Inputs.Skip(1).Select((_, i) => Input(i + 1)).Aggregate(Input(0), (all, one) => Arithmetic(operation, all, one));
            default:
                return Arithmetic(operation, Input(0), Input(1));
        }
    }

    private static OnnxTensor Constant(OnnxOperation operation)
    {
        foreach (var (name, value) in operation.Node.Attributes)
        {
            switch (name, value)
            {
                case ("value", OnnxTensor tensor): return tensor;
                case ("value_int", long number): return OnnxTensor.Of("", [], [number]);
                case ("value_float", float number): return OnnxTensor.Of("", [], [number]);
                case ("value_ints", long[] numbers): return OnnxTensor.Of("", numbers);
                case ("value_floats", float[] numbers): return OnnxTensor.Of("", [numbers.Length], numbers);
            }
        }

        throw operation.Unsupported("it is a constant of a kind that is not known");
    }

    private static double Get(OnnxTensor tensor, long i) => tensor.Floats is { } floats ? floats[i] : tensor.Integers![i];

    private static OnnxTensor Make(OnnxOperation operation, long[] shape, bool integers, Func<int, double> value)
    {
        Shapes.Require(operation, shape);
        var count = Int128.Min(Shapes.Product(shape), Array.MaxLength);
        operation.Take(BytesOfConstant + count * (integers ? sizeof(long) : sizeof(float)));
        if (integers)
        {
            var numbers = new long[(int)count];
            for (var i = 0; i < numbers.Length; i++)
                numbers[i] = (long)value(i);
            return OnnxTensor.Of("", shape, numbers);
        }

        var floats = new float[(int)count];
        for (var i = 0; i < floats.Length; i++)
            floats[i] = (float)value(i);
        return OnnxTensor.Of("", shape, floats);
    }

    private static OnnxTensor Each(OnnxOperation operation, OnnxTensor tensor, Func<double, double> function) =>
        Make(operation, tensor.Shape, tensor.Integers is not null, i => function(Get(tensor, i)));

    private static OnnxTensor Cast(OnnxOperation operation, OnnxTensor tensor, OnnxType type)
    {
        var toIntegers = type is not (OnnxType.Float or OnnxType.Float16 or OnnxType.Double or OnnxType.BFloat16);
        return toIntegers == tensor.Integers is not null ? tensor : Make(operation, tensor.Shape, toIntegers, i => Get(tensor, i));
    }

    private static OnnxTensor Reshape(OnnxOperation operation, OnnxTensor tensor, long[] shape)
    {
        operation.Take(BytesOfConstant);
        return Shapes.Product(shape) == tensor.Count
            ? tensor with { Shape = shape }
            : throw operation.Bad("its input has not as many values as its output");
    }

    /// <summary>A tensor whose element at a place is one of the input's.</summary>
    /// <param name="operation">For messages.</param>
    /// <param name="tensor">The input.</param>
    /// <param name="shape">The output's shape.</param>
    /// <param name="offset">Where in the input an element is, by its places along the output's axes.</param>
    private static OnnxTensor Pick(OnnxOperation operation, OnnxTensor tensor, long[] shape, Func<long[], long> offset)
    {
        var place = new long[shape.Length];
        return Make(operation, shape, tensor.Integers is not null, i =>
        {
            long rest = i;
            for (var axis = shape.Length - 1; axis >= 0; axis--)
                (rest, place[axis]) = Math.DivRem(rest, shape[axis]);
            return Get(tensor, offset(place));
        });
    }

    private static long[] Strides(long[] shape)
    {
        var strides = new long[shape.Length];
        for (var (axis, stride) = (shape.Length - 1, 1L); axis >= 0; stride *= shape[axis--])
            strides[axis] = stride;
        return strides;
    }

    private static OnnxTensor Transpose(OnnxOperation operation, OnnxTensor tensor)
    {
        var (order, strides) = (Shapes.Permutation(operation, tensor.Shape.Length), Strides(tensor.Shape));
        return Pick(operation, tensor, [.. order.Select(axis => tensor.Shape[axis])], place => place.Select((at, axis) => at * strides[order[axis]]).Sum());
    }

    private static OnnxTensor Concat(OnnxOperation operation, OnnxTensor[] tensors)
    {
        var rank = tensors[0].Shape.Length;
        var axis = operation.Axis(operation.Integer("axis", 0), rank);
        var total = tensors.Sum(tensor => tensor.Shape.Length == rank ? tensor.Shape[axis] : throw operation.Bad("its inputs have different ranks"));
        var shape = (long[])tensors[0].Shape.Clone();
        shape[axis] = total;
        if (tensors.Any(tensor => tensor.Shape.Where((size, at) => at != axis && size != shape[at]).Any()))
            throw operation.Bad("its inputs have different shapes");

        // Of each tensor in turn as many values as it has behind a place of the axes before that one.
        var integers = tensors[0].Integers is not null;
        if (tensors.Any(tensor => tensor.Integers is not null != integers))
            throw operation.Bad("some of its inputs are of integers, others are not");
        var before = (long)Shapes.Product(shape[..axis]);
        using var order = Order().GetEnumerator();
        return Make(operation, shape, integers, _ => order.MoveNext() ? Get(order.Current.Tensor, order.Current.Place) : 0);

        IEnumerable<(OnnxTensor Tensor, long Place)> Order()
        {
            for (var i = 0L; i < before; i++)
            {
                foreach (var tensor in tensors)
                {
                    var run = tensor.Count / before;
                    for (var j = i * run; j < (i + 1) * run; j++)
                        yield return (tensor, j);
                }
            }
        }
    }

    private static OnnxTensor Gather(OnnxOperation operation, OnnxTensor tensor, OnnxTensor indices)
    {
        var axis = operation.Axis(operation.Integer("axis", 0), tensor.Shape.Length);
        var (strides, chosen, size) = (Strides(tensor.Shape), indices.Integers ?? throw operation.Bad("its indices are no integers"), tensor.Shape[axis]);
        if (chosen.Any(index => index < -size || index >= size))
            throw operation.Bad($"an index is beyond the {size} of axis {axis}");
        var indexStrides = Strides(indices.Shape);
        return Pick(operation, tensor, [.. tensor.Shape[..axis], .. indices.Shape, .. tensor.Shape[(axis + 1)..]], place =>
        {
            long at = 0, index = 0;
            for (var i = 0; i < axis; i++)
                at += place[i] * strides[i];
            for (var i = 0; i < indices.Shape.Length; i++)
                index += place[axis + i] * indexStrides[i];
            for (var i = axis + 1; i < tensor.Shape.Length; i++)
                at += place[i + indices.Shape.Length - 1] * strides[i];
            return at + (chosen[index] + size) % size * strides[axis];
        });
    }

    private static OnnxTensor Slice(OnnxOperation operation, OnnxTensor tensor)
    {
        var (shape, starts, strides) = ((long[])tensor.Shape.Clone(), new long[tensor.Shape.Length], Strides(tensor.Shape));
        var steps = Enumerable.Repeat(1L, shape.Length).ToArray();
        foreach (var (axis, start, count, step) in Shapes.Slices(operation, tensor.Shape))
            (shape[axis], starts[axis], steps[axis]) = (count, start, step);
        return Pick(operation, tensor, shape, place => place.Select((at, axis) => (at * steps[axis] + starts[axis]) * strides[axis]).Sum());
    }

    /// <summary>A tensor in a shape that it goes with: axes of 1 repeat.</summary>
    private static OnnxTensor Expand(OnnxOperation operation, OnnxTensor tensor, long[] target)
    {
        Shapes.Require(operation, target);
        var from = Wide(tensor.Shape, Math.Max(tensor.Shape.Length, target.Length));
        long[] to = Wide(target, from.Length), strides = Strides(from);
        if (from.Zip(to).Any(pair => pair.First != pair.Second && pair.First != 1 && pair.Second != 1))
            throw operation.Bad("its input does not go with its shape");
        long[] shape = [.. from.Zip(to, (a, b) => a == 1 ? b : a)];
        return Pick(operation, tensor, shape, place => place.Select((at, axis) => from[axis] == 1 ? 0 : at * strides[axis]).Sum());
    }

    private static OnnxTensor Tile(OnnxOperation operation, OnnxTensor tensor, long[] repeats)
    {
        if (repeats.Length != tensor.Shape.Length || repeats.Any(count => count < 0))
            throw operation.Bad($"it has {repeats.Length} repeats for {tensor.Shape.Length} axes");
        var strides = Strides(tensor.Shape);
        return Pick(
            operation, tensor, [.. tensor.Shape.Zip(repeats, (size, count) => checked(size * count))],
            place => place.Select((at, axis) => at % tensor.Shape[axis] * strides[axis]).Sum());
    }

    private static OnnxTensor Range(OnnxOperation operation, OnnxTensor start, OnnxTensor limit, OnnxTensor delta)
    {
        if (start.Count != 1 || limit.Count != 1 || delta.Count != 1 || Get(delta, 0) == 0)
            throw operation.Bad("it has no start, limit and step");
        var count = Math.Ceiling((Get(limit, 0) - Get(start, 0)) / Get(delta, 0));
        return Make(
            operation, [double.IsFinite(count) ? (long)Math.Clamp(count, 0, Array.MaxLength) : throw operation.Bad("it has no end")],
            start.Integers is not null, i => Get(start, 0) + i * Get(delta, 0));
    }

    /// <summary>A shape with axes of 1 before it.</summary>
    private static long[] Wide(long[] shape, int rank) => [.. Enumerable.Repeat(1L, rank - shape.Length), .. shape];

    private static OnnxTensor Arithmetic(OnnxOperation operation, OnnxTensor left, OnnxTensor right)
    {
        var integers = left.Integers is not null;
        if (integers != right.Integers is not null && operation.Node.Operator != "Pow")
            throw operation.Bad("one input is of integers, the other is not");
        var rank = Math.Max(left.Shape.Length, right.Shape.Length);
        var (a, b) = (Wide(left.Shape, rank), Wide(right.Shape, rank));
        if (a.Zip(b).Any(pair => pair.First != pair.Second && pair.First != 1 && pair.Second != 1))
            throw operation.Bad("its inputs' shapes do not go together");
        long[] shape = [.. a.Zip(b, (x, y) => x == 1 ? y : x)], leftStrides = Strides(a), rightStrides = Strides(b), place = new long[rank];
        return Make(operation, shape, integers, i =>
        {
            long rest = i, l = 0, r = 0;
            for (var axis = rank - 1; axis >= 0; axis--)
            {
                (rest, var at) = Math.DivRem(rest, shape[axis]);
                l += a[axis] == 1 ? 0 : at * leftStrides[axis];
                r += b[axis] == 1 ? 0 : at * rightStrides[axis];
            }

            var (x, y) = (Get(left, l), Get(right, r));
            return operation.Node.Operator switch
            {
                "Add" => x + y,
                "Sub" => x - y,
                "Mul" => x * y,
                "Pow" => Math.Pow(x, y),
                "Max" => Math.Max(x, y),
                "Min" => Math.Min(x, y),
                _ when integers && y == 0 => throw operation.Bad("it divides by zero"),
                _ => integers ? Math.Truncate(x / y) : x / y,
            };
        });
    }
}
