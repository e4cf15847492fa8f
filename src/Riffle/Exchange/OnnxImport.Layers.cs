using Riffle.Formats.Onnx;
using Riffle.Networks;

namespace Riffle.Exchange;

/// <content>Operators that become layers.</content>
internal sealed partial class OnnxImport
{
    private static readonly HashSet<string> Layers =
    [
        "Conv", "BatchNormalization", "Relu", "Clip", "Max", "Min", "MaxPool", "AveragePool", "GlobalAveragePool", "ReduceMean", "ReduceSum", "Add", "Sum",
        "Sub", "Mul", "Div", "Neg", "Gemm", "MatMul", "Softmax", "LogSoftmax", "Exp", "Sigmoid",
    ];

    /// <summary>The largest kernel, stride and border: no image is larger.</summary>
    private const int MostStep = 1 << 16;

    private static bool IsKnown(string name) => Layers.Contains(name) || Arrangements.Contains(name);

    private void Compute(OnnxOperation operation)
    {
        var node = operation.Node;
        if (node.Operator != "Split" && node.Outputs.Skip(1).FirstOrDefault(_readers.ContainsKey) is { } second)
            throw operation.Unsupported($"its output '{second}' is needed; Riffle gives the first");
        if (Arrangements.Contains(node.Operator))
            Arrange(operation);
        else
            _features[node.Outputs[0]] = Layer(operation);
        Count(operation);
        if (node.Operator is "Conv" or "Gemm" or "MatMul")
            _products.Add(node.Outputs[0]);
    }

    /// <summary>Whether a tensor is a product that only one node reads, which may then change it.</summary>
    private bool IsOwnProduct(string name) => _products.Contains(name) && _readers[name] == 1;

    private Features Layer(OnnxOperation operation) => operation.Node.Operator switch
    {
        "Conv" => Convolve(operation),
        "BatchNormalization" => Normalise(operation),
        "Relu" => Hold(operation, 0, 0, float.PositiveInfinity),
        "Clip" => Clip(operation),
        "Max" or "Min" => HoldByConstants(operation),
        "MaxPool" or "AveragePool" => Pool(operation),
        "GlobalAveragePool" => PoolAll(operation),
        "ReduceMean" or "ReduceSum" => Mean(operation),
        "Add" or "Sum" or "Sub" or "Mul" or "Div" => Arithmetic(operation),
        "Neg" => Negate(operation),
        "Gemm" or "MatMul" => Multiply(operation),
        "Softmax" => Classes(operation, Ending.Softmax),
        "LogSoftmax" => Classes(operation, Ending.LogSoftmax),
        "Sigmoid" => Classes(operation, Ending.Sigmoid),
        "Exp" => Exponential(operation),
        _ => throw operation.Unsupported("Riffle computes this of constants alone"),
    };

    private Features Convolve(OnnxOperation operation)
    {
        var weights = operation.Constant(1) ?? throw operation.Bad("it has no weights");
        if (weights.Floats is null || weights.Shape.Length < 3)
            throw operation.Bad("its weights are not those of a convolution");
        operation.Require(weights.Shape.Length == 4, $"a convolution over {weights.Shape.Length - 2} dimensions");
        var kernel = Square(operation, [weights.Shape[2], weights.Shape[3]], "a kernel");
        var stride = Square(operation, operation.Integers("strides") ?? [1, 1], "strides");
        operation.Require((operation.Integers("dilations") ?? []).All(size => size == 1), "a dilated convolution");
        var padding = Sum(FeaturesOf(operation, 0).Padding, Pads(operation, kernel, stride));
        var (groups, bias) = (Checked(operation, operation.Integer("group", 1)), operation.Constant(2));
        if (kernel == 1 && stride == 1 && padding == default && AsArithmetic(operation, weights, groups, bias) is { } arithmetic)
            return arithmetic;
        var x = Nchw(operation, 0);
        if (groups < 1 || weights.Shape[1] * groups != x.Channels)
            throw operation.Bad($"its weights are for {weights.Shape[1] * groups} channels, its input has {x.Channels}");
        var name = NameLayer(operation.Node, 1);
        var value = _builder.Convolution(name, x, Checked(operation, weights.Shape[0]), kernel, stride, groups, padding, bias is not null);
        _parameters[$"{name}.weight"] = weights.Floats;
        if (bias is not null)
            _parameters[$"{name}.bias"] = Vector(operation, bias, value.Channels);
        return Features.Of(value, _batch);
    }

    private Features Normalise(OnnxOperation operation)
    {
        operation.Require(operation.Integer("training_mode", 0) == 0 && operation.Integer("is_test", 1) == 1, "it normalises by the batch, as in training");
        var features = Ordered(operation, 0);
        float[] Values(int input) =>
            Vector(operation, operation.Constant(input) ?? throw operation.Bad($"its input {input} is missing"), features.Channels);
        float[] weight = Values(1), bias = Values(2), mean = Values(3), variance = Values(4);
        var epsilon = operation.Number("epsilon", 1e-5f);
        if (_builder.OperationOf(features.Value) is Convolution && IsOwnProduct(operation.Input(0)))
        {
            var name = NameLayer(operation.Node, 1);
            var value = _builder.BatchNorm(name, features.Value, epsilon);
            foreach (var (parameter, values) in (((string, float[])[])[("weight", weight), ("bias", bias), ("running_mean", mean), ("running_var", variance)]))
                _parameters[$"{name}.{parameter}"] = values;
            return features with { Value = value };
        }

        // One of a network's own has been trained, and then has figures of both kinds; one that stands for a normalisation has those of one.
        var wasTrained = (weight.Any(value => value != 1) || bias.Any(value => value != 0)) && (mean.Any(value => value != 0) || variance.Any(value => value != 1));
        if (features.Colours is not null && wasTrained)
            _doubtful ??= operation;
        float[] scale = [.. weight.Zip(variance, (w, v) => (float)(w / Math.Sqrt((double)v + epsilon)))];
        return Scale(operation, 0, scale, [.. bias.Select((b, c) => (float)(b - (double)mean[c] * scale[c]))]);
    }

    private Features Pool(OnnxOperation operation)
    {
        var (size, isMax) = (operation.Integers("kernel_shape") ?? throw operation.Bad("it has no kernel_shape"), operation.Node.Operator == "MaxPool");
        operation.Require(size.Length == 2, $"a pool over {size.Length} dimensions");
        operation.Require((operation.Integers("dilations") ?? []).All(step => step == 1), "a dilated pool");
        var added = FeaturesOf(operation, 0).Padding;
        if (!isMax && added == default && AsMean(operation, size) is { } mean)
            return mean;
        var x = Nchw(operation, 0);
        operation.Require(added == default || !isMax || _builder.OperationOf(x) is Relu,
            "it takes the largest of values, some negative, and zeros that were added");
        var (kernel, stride) = (Square(operation, size, "a window"), Square(operation, operation.Integers("strides") ?? [1, 1], "strides"));
        var own = Pads(operation, kernel, stride);
        var padding = Sum(added, own);
        var beyond = padding;
        if (operation.Integer("ceil_mode", 0) == 1)
        {
            // One window more where some pixels are left, unless it would begin behind them.
            int More(int length, int before, int behind)
            {
                var windows = (length + before + behind - kernel + stride - 1) / stride + 1;
                windows -= (windows - 1) * stride >= length + before ? 1 : 0;
                return Math.Max(behind, (windows - 1) * stride + kernel - length - before);
            }

            beyond = padding with { Bottom = More(x.Shape.Height, padding.Top, padding.Bottom), Right = More(x.Shape.Width, padding.Left, padding.Right) };
        }

        if (isMax)
            return Features.Of(_builder.MaxPool(x, kernel, stride, beyond), _batch);
        // Zeros that a node before it added are values like all others.
        var counts = operation.Integer("count_include_pad", 0) == 1 || added != default;
        operation.Require(added == default || own == default || operation.Integer("count_include_pad", 0) == 1, "an average of some zeros, but not of others");
        operation.Require(!counts || beyond == padding, "an average of padding with ceil_mode");
        return Features.Of(_builder.AveragePool(x, kernel, stride, beyond, counts || beyond == default), _batch);
    }

    /// <summary>Sums of two values, or a value with a constant for each channel.</summary>
    private Features Arithmetic(OnnxOperation operation)
    {
        var node = operation.Node;
        if (node.Inputs.Length == 2 && node.Operator != "Sum" && node.Inputs.Any(_constants.ContainsKey))
            return WithConstant(operation, _constants.ContainsKey(node.Inputs[0]) ? 0 : 1);
        operation.Require(node.Operator is "Add" or "Sum", "it takes two values that are computed; Riffle adds such values and no more");
        var sum = Ordered(operation, 0);
        for (var i = 1; i < node.Inputs.Length; i++)
        {
            var other = Ordered(operation, i);
            if (sum.Axes.Length != other.Axes.Length || sum.Axes.Zip(other.Axes).Any(pair => !pair.First.AsSpan().SequenceEqual(pair.Second.AsSpan()))
                || sum.Colours is not null || other.Colours is not null)
                throw operation.Unsupported($"it adds {Text(sum)} and {Text(other)}");
            sum = sum with { Value = _builder.Add(sum.Value, other.Value) };
            Count(operation);
        }

        return sum;
    }

    private Features WithConstant(OnnxOperation operation, int constant)
    {
        var features = Ordered(operation, 1 - constant);
        if (features.Reduction is not null && MeanTimes(operation, features, constant) is { } mean)
            return mean;
        var values = Channels(operation, features, operation.Constant(constant)!);
        var (ones, zeros) = (Enumerable.Repeat(1f, values.Length).ToArray(), new float[values.Length]);
        float[] Negative() => [.. values.Select(value => -value)];
        return (operation.Node.Operator, constant) switch
        {
            ("Add", _) => Scale(operation, 1 - constant, ones, values),
            ("Sub", 1) => Scale(operation, 1 - constant, ones, Negative()),
            ("Sub", 0) => Scale(operation, 1 - constant, [.. ones.Select(one => -one)], values),
            ("Mul", _) => Scale(operation, 1 - constant, values, zeros),
            ("Div", 1) => Scale(operation, 1 - constant, [.. values.Select(value => 1 / value)], zeros),
            _ => throw operation.Unsupported("it divides by what is computed"),
        };
    }

    private Features Negate(OnnxOperation operation)
    {
        var channels = FeaturesOf(operation, 0).Channels;
        return Scale(operation, 0, [.. Enumerable.Repeat(-1f, channels)], new float[channels]);
    }

    /// <summary>A constant as a number for each channel: of one number, of one for each, or of more that are the same all over an image.</summary>
    private static float[] Channels(OnnxOperation operation, Features features, OnnxTensor constant)
    {
        operation.Require(constant.Floats is not null, "its constant is of whole numbers, and so is what it gives");
        var (floats, channels, shape) = (constant.Floats!, features.Channels, features.Shape);
        var before = shape.Length - constant.Shape.Length;
        operation.Require(
            floats.Length > 0 && before >= 0 && constant.Shape.Select((size, axis) => size == 1 || size == shape[axis + before]).All(fits => fits),
            $"its constant is [{string.Join(", ", constant.Shape)}], which does not go with {Text(features)} [{string.Join(", ", shape)}]");

        // How many of its values lie behind each other for one channel, and for how many channels it has some.
        var axis = features.AxisOf(Extent.Channel) - before;
        var (step, count) = axis is { } at && at >= 0 && constant.Shape[at] > 1
            ? ((int)constant.Shape[(at + 1)..].Aggregate(1L, (a, b) => a * b), channels)
            : (floats.Length, 1);
        var values = new float[count];
        for (var c = 0; c < count; c++)
            values[c] = floats[c * step];
        for (var i = 0; i < floats.Length; i++)
        {
            if (floats[i] != values[i / step % count])
                throw operation.Unsupported($"its constant is [{string.Join(", ", constant.Shape)}], which is not a number for each of {channels} channels");
        }

        return count == channels ? values : [.. Enumerable.Repeat(values[0], channels)];
    }

    /// <summary>
    /// scale · x + shift: kept in mind for the images, taken into the layer before where nothing else reads it, else a convolution of its own.
    /// </summary>
    private Features Scale(OnnxOperation operation, int input, float[] scale, float[] shift)
    {
        var features = Ordered(operation, input);
        if (features.Colours is not null)
            return ScaleColours(operation, features, scale, shift);
        var name = _builder.NameOf(features.Value);
        if (!IsOwnProduct(operation.Input(input)) || !_parameters.TryGetValue($"{name}.bias", out var bias))
            return features with { Value = Scaled(operation, features.Value, scale, shift) };
        var weights = _parameters[$"{name}.weight"];
        operation.Take((Int128)sizeof(float) * weights.Length);
        _parameters[$"{name}.weight"] = [.. weights.Select((value, i) => value * scale[i / (weights.Length / scale.Length)])];
        _parameters[$"{name}.bias"] = [.. bias.Select((value, c) => value * scale[c] + shift[c])];
        _products.Add(operation.Node.Outputs[0]);
        return features;
    }

    /// <summary>scale · x + shift as a layer of its own.</summary>
    private Value Scaled(OnnxOperation operation, Value x, float[] scale, float[] shift)
    {
        var name = NameLayer(operation.Node, int.MaxValue);
        _scales.Add((operation, x.Layer));
        (_parameters[$"{name}.weight"], _parameters[$"{name}.bias"]) = (scale, shift);
        return _builder.Convolution(name, x, x.Channels, kernel: 1, groups: x.Channels, bias: true);
    }

    /// <summary>
    /// A matrix over all that there is of an image: a fully connected layer, or, where there still are rows and columns, a convolution whose kernel has that
    /// size. Each weight goes to the channel, row and column that its place in the flat image means.
    /// </summary>
    private Features Multiply(OnnxOperation operation)
    {
        var (isGemm, features) = (operation.Node.Operator == "Gemm", FeaturesOf(operation, 0));
        var matrix = operation.Constant(1) ?? throw operation.Bad("it has no matrix");
        var isRow = features.Axes.Length == 2 || (features.Axes.Length == 1 && _batch == 1);
        operation.Require(
            matrix is { Floats: not null, Shape.Length: 2 } && isRow && features.Colours is null,
            "a product of other things than rows of values and a matrix");
        operation.Require(
            operation.Integer("transA", 0) == 0 && features.Axes[..^1].All(IsOfImages), "a product that mixes images");
        var transposed = operation.Integer("transB", 0) == 1;
        var (outputs, inputs) = transposed ? (matrix.Shape[0], matrix.Shape[1]) : (matrix.Shape[1], matrix.Shape[0]);
        var (channels, height, width) = features.Value.Shape;
        if (inputs != features.Value.Shape.Elements || outputs < 1)
            throw operation.Bad($"its matrix is for {inputs} values, its input has {features.Value.Shape.Elements}");
        operation.Require(height == width, $"a product over {features.Value.Shape}");

        operation.Take((Int128)(sizeof(float) + sizeof(long)) * matrix.Count);
        var alpha = operation.Number("alpha", 1);
        var (weights, places) = (new float[matrix.Count], Places(features));
        for (var o = 0; o < outputs; o++)
        {
            for (var i = 0; i < inputs; i++)
                weights[o * inputs + places[i]] = alpha * matrix.Floats![transposed ? o * inputs + i : i * outputs + o];
        }

        var beta = operation.Number("beta", 1);
        var given = isGemm ? operation.Constant(2) : null;
        operation.Require(given is null || given.Count == 1 || given.Count == outputs, "a bias that is not a number for each output");
        var bias = given is null ? new float[outputs] : Vector(operation, given, given.Count);
        bias = bias.Length == 1 ? [.. Enumerable.Repeat(beta * bias[0], (int)outputs)] : [.. bias.Select(value => beta * value)];
        var name = NameLayer(operation.Node, 1);
        var value = height == 1
            ? _builder.FullyConnected(name, features.Value, (int)outputs)
            : _builder.Convolution(name, features.Value, (int)outputs, height, padding: default(Padding), bias: true);
        (_parameters[$"{name}.weight"], _parameters[$"{name}.bias"]) = (weights, bias);
        return new(value, [.. features.Axes[..^1], Features.Axis(Extent.Channel, outputs)]);
    }

    /// <summary>For each place in a flat image its place in C×H×W.</summary>
    private static long[] Places(Features features)
    {
        var (_, height, width) = features.Value.Shape;
        var places = new long[] { 0 };
        foreach (var factor in features.Axes[^1])
        {
            var step = factor.Stride * (factor.Extent switch { Extent.Channel => (long)height * width, Extent.Height => width, _ => 1 });
            places = [.. places.SelectMany(place => Enumerable.Range(0, (int)factor.Size).Select(i => place + i * step))];
        }

        return places;
    }

    /// <summary>What a classifier ends with: probabilities of the logits, or their logarithms.</summary>
    private Features Classes(OnnxOperation operation, Ending ending)
    {
        var features = Ordered(operation, 0);
        operation.Require(features.Value.Shape is { Height: 1, Width: 1 } && features.Colours is null, "it is over other values than those of classes");
        if (ending != Ending.Sigmoid)
        {
            var axis = operation.Axis(operation.Integer("axis", _model.Opset < 13 ? 1 : -1), features.Axes.Length);
            var channel = features.AxisOf(Extent.Channel) ?? axis;
            operation.Require(channel == axis || (_model.Opset < 13 && axis > 0 && axis <= channel), $"it is over axis {axis}, the classes are on {channel}");
        }

        _ending = operation;
        return features with { Ending = ending };
    }

    private Features Exponential(OnnxOperation operation)
    {
        var features = FeaturesOf(operation, 0);
        operation.Require(features.Ending == Ending.LogSoftmax, "Riffle has this operator behind LogSoftmax alone");
        return features with { Ending = Ending.Softmax };
    }

    private static float[] Vector(OnnxOperation operation, OnnxTensor tensor, int length) => tensor.Floats is { } floats && floats.Length == length
        ? floats
        : throw operation.Bad($"its constant '{tensor.Name}' has {tensor.Count} values where {length} are needed");

    private static int Checked(OnnxOperation operation, long size) =>
        size is >= 0 and <= int.MaxValue ? (int)size : throw operation.Bad($"a size of {size} in it can't be");

    private static int Square(OnnxOperation operation, long[] sizes, string what)
    {
        if (sizes is not [var height, var width] || height != width)
            throw operation.Unsupported($"{what} of {string.Join('×', sizes.Take(4))}; Riffle has square ones");
        operation.Require(height <= MostStep, $"{what} of {height}");
        return height > 0 ? (int)height : throw operation.Bad($"{what} of {height}");
    }

    private static Padding Sum(Padding a, Padding b) => new(a.Top + b.Top, a.Left + b.Left, a.Bottom + b.Bottom, a.Right + b.Right);

    private Padding Pads(OnnxOperation operation, int kernel, int stride)
    {
        var (_, height, width) = FeaturesOf(operation, 0).Value.Shape;
        var auto = operation.Text("auto_pad", "NOTSET");
        if (auto is "SAME_UPPER" or "SAME_LOWER")
        {
            // As many windows as the stride goes into the image; of an odd number of pixels one more goes behind, or before.
            (int Before, int Behind) Same(int length)
            {
                var all = Math.Max(0, ((length + stride - 1) / stride - 1) * stride + kernel - length);
                return auto == "SAME_UPPER" ? (all / 2, all - all / 2) : (all - all / 2, all / 2);
            }

            var ((top, bottom), (left, right)) = (Same(height), Same(width));
            return new(top, left, bottom, right);
        }

        operation.Require(auto is "NOTSET" or "VALID" or "", $"auto_pad {auto}");
        var pads = auto == "VALID" ? [0, 0, 0, 0] : operation.Integers("pads") ?? [0, 0, 0, 0];
        if (pads is not [_, _, _, _])
            throw operation.Bad($"it has {pads.Length} pads");
        operation.Require(pads.All(pad => pad <= MostStep), $"a border of {pads.Max()}");
        return new(Checked(operation, pads[0]), Checked(operation, pads[1]), Checked(operation, pads[2]), Checked(operation, pads[3]));
    }
}
