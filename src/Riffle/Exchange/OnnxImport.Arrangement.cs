using System.Collections.Immutable;
using Riffle.Formats.Onnx;
using Riffle.Networks;

namespace Riffle.Exchange;

/// <content>Operators that compute nothing: they name, reorder, cut and join.</content>
internal sealed partial class OnnxImport
{
    /// <summary>Floats of any width stay what they are; pixels that come as whole numbers may be any kind of them.</summary>
    private Features Cast(GraphNode operation)
    {
        var features = FeaturesOf(operation, 0);
        var type = (OnnxType)operation.Integer("to", (long)OnnxType.Float);
        var arePixels = Input.Type == OnnxType.UInt8 && features.Colours is { } colours && colours.All(colour => (colour.Scale, colour.Shift) == (1, 0));
        var keepsPixels = type is OnnxType.UInt8 or OnnxType.Int16 or OnnxType.UInt16 or OnnxType.Int32 or OnnxType.UInt32 or OnnxType.Int64 or OnnxType.UInt64;
        operation.Require(
            type is OnnxType.Float or OnnxType.Float16 or OnnxType.Double or OnnxType.BFloat16 || (arePixels && keepsPixels),
            $"it rounds what is computed to {type}");
        return features;
    }

    private Features Dropout(GraphNode operation)
    {
        operation.Require(!operation.Has(2) || operation.Integers(2) is [0], "it drops values, as in training");
        return FeaturesOf(operation, 0);
    }

    /// <summary>Reshape's target, of which a tracer may have left the number of images that it saw, though the file leaves their number free.</summary>
    private long[] Target(GraphNode operation)
    {
        var (input, target) = (FeaturesOf(operation, 0).Shape, Shapes.Target(operation));
        if (_isFree && target.Length > 0 && target.All(size => size > 0))
        {
            var (images, rest) = Int128.DivRem(Shapes.Product(target) * _batch, Shapes.Product(input));
            _seen ??= rest == 0 && images < _batch ? (long)images : null;
        }

        return Shapes.Resolve(operation, input, target);
    }

    private Features Reshaped(GraphNode operation, long[] shape)
    {
        var features = FeaturesOf(operation, 0);

        // If channels are out of order, a shuffle may have to restore their order before they can be cut.
        return features.Reshape(shape) ?? Ordered(operation, 0).Reshape(shape) ?? throw operation.Unsupported(
            $"it makes [{string.Join(", ", shape)}] of {Text(features)} [{string.Join(", ", features.Shape)}]; Riffle reorders channels and no more");
    }

    private Features Transposed(GraphNode operation)
    {
        var features = FeaturesOf(operation, 0);
        return features.Transpose(Shapes.Permutation(operation, features.Axes.Length));
    }

    private Features Sliced(GraphNode operation)
    {
        var features = FeaturesOf(operation, 0);
        foreach (var (axis, start, count, step) in Shapes.Slices(operation, features.Shape))
        {
            if (features.Colours is not null && (count != features.Shape[axis] || step != 1))
            {
                features = TakeColours(operation, features, axis, [.. Enumerable.Range(0, (int)count).Select(i => start + i * step)]);
                continue;
            }

            var size = features.Shape[axis];
            var isEven = step > 1 && size % step == 0 && start < step && count == size / step;
            operation.Require(step == 1 || count == 1 || isEven, $"a step of {step}");
            features = isEven && count > 1 ? EachOf(operation, features, axis, start, step) : Cut(operation, features, axis, start, count);
        }

        return features;
    }

    /// <summary>One place of each run of so many on an axis.</summary>
    private Features EachOf(GraphNode operation, Features features, int axis, long place, long run)
    {
        var shape = features.Shape;
        var runs = features.Reshape([.. shape[..axis], shape[axis] / run, run, .. shape[(axis + 1)..]])
            ?? throw operation.Unsupported($"it takes each of {run} places of axis {axis} of {Text(features)}");
        var cut = Cut(operation, runs, axis + 1, place, 1);
        return cut with { Axes = cut.Axes.RemoveAt(axis + 1) };
    }

    /// <summary>Places of an axis by their numbers: a run of them, or all of them shuffled; null for anything else.</summary>
    private Features? Chosen(GraphNode operation, Features features, int axis, long[] places)
    {
        if (places.Select((place, i) => place - i).Distinct().Count() == 1)
            return Cut(operation, features, axis, places[0], places.Length);
        var (shape, step) = (features.Shape, places.Length > 1 ? places[1] - places[0] : 0);
        if (places.Length != shape[axis] || step < 1 || shape[axis] % step != 0)
            return null;
        var groups = shape[axis] / step;
        if (places.Where((place, i) => place != i % groups * step + i / groups).Any())
            return null;
        int[] order = [.. Enumerable.Range(0, axis), axis + 1, axis, .. Enumerable.Range(axis + 2, shape.Length - axis - 1)];
        return features.Reshape([.. shape[..axis], groups, step, .. shape[(axis + 1)..]])?.Transpose(order).Reshape(shape);
    }

    /// <summary>A run of places of an axis.</summary>
    private Features Cut(GraphNode operation, Features features, int axis, long start, long count)
    {
        if (start == 0 && count == features.Shape[axis])
            return features;
        if (features.Colours is not null)
            return TakeColours(operation, features, axis, [.. Enumerable.Range(0, (int)count).Select(i => start + i)]);
        operation.Require(
            count > 0 && features.Axes[axis].Length > 0 && features.Axes[axis].All(factor => factor.Extent == Extent.Channel),
            $"it cuts {start} to {start + count - 1} out of axis {axis} of {Text(features)}; Riffle cuts channels");

        // What is cut has to be the slowest part of the value's channels. Others that cut the same value find it in this order.
        features = InOrder(operation, features, all =>
            [.. all.Axes[axis], .. all.FactorsOf(Extent.Channel).Where(factor => !all.Axes[axis].Contains(factor)).OrderByDescending(factor => factor.Stride)]);
        if (_features[operation.Input(0)].Shape.SequenceEqual(features.Shape))
            _features[operation.Input(0)] = features;
        var rest = features.Value.Channels / features.Shape[axis];
        var value = _builder.Slice(features.Value, (int)(start * rest), (int)(count * rest));
        ImmutableArray<Factor> cut = count == 1 ? [] : [new Factor(Extent.Channel, count, rest)];
        return features with { Value = value, Axes = features.Axes.SetItem(axis, cut) };
    }

    private void Split(GraphNode operation)
    {
        var features = FeaturesOf(operation, 0);
        var axis = operation.Axis(operation.Integer("axis", 0), features.Axes.Length);
        var (outputs, size) = (operation.Node.Outputs, features.Shape[axis]);
        var part = (size + outputs.Length - 1) / outputs.Length;
        var sizes = operation.Integers("split") ?? operation.Integers(1) ?? [.. outputs.Select((_, i) => Math.Min(part, size - i * part))];
        if (sizes.Length != outputs.Length || sizes.Sum() != size || sizes.Any(count => count < 1))
            throw operation.Bad($"its parts {string.Join(", ", sizes)} are not the {size} places of axis {axis}");
        var start = 0L;
        foreach (var (output, count) in outputs.Zip(sizes))
        {
            if (_readers.ContainsKey(output))
                _features[output] = Cut(operation, _features[operation.Input(0)], axis, start, count);
            start += count;
        }
    }

    private Features Gather(GraphNode operation)
    {
        var features = FeaturesOf(operation, 0);
        var axis = operation.Axis(operation.Integer("axis", 0), features.Axes.Length);
        var size = features.Shape[axis];
        var indices = operation.Constant(1) ?? throw operation.Bad("it takes no places");
        long[] places = [.. (indices.Integers ?? throw operation.Bad("its places are no integers")).Select(place => place < 0 ? place + size : place)];
        if (places.Any(place => place < 0 || place >= size))
            throw operation.Bad($"it takes places that are beyond the {size} of axis {axis}");
        if (features.Colours is not null && indices.Shape.Length == 1)
            return places.SequenceEqual(Enumerable.Range(0, (int)size).Select(i => (long)i)) ? features : TakeColours(operation, features, axis, places);
        if (indices.Shape.Length == 1)
            return Chosen(operation, features, axis, places) ?? throw operation.Unsupported("it takes places of an axis in an order that is no shuffle");
        operation.Require(places is [_], "it takes several places of an axis");
        features = Cut(operation, features, axis, places[0], 1);
        return indices.Shape.Length == 0
            ? features with { Axes = features.Axes.RemoveAt(axis) }
            : throw operation.Unsupported($"its places have {indices.Shape.Length} axes");
    }

    /// <summary>Channels behind each other; or, along an axis of one place, the same channels of several values side by side.</summary>
    private Features Concat(GraphNode operation)
    {
        var parts = operation.Node.Inputs.Select((_, i) => Ordered(operation, i)).ToArray();
        var (first, rank) = (parts[0], parts[0].Axes.Length);
        var axis = operation.Axis(operation.Integer("axis", 1), rank);
        if (JoinColours(operation, parts, axis) is { } joined)
            return joined;
        bool AreAlike(int except) => parts.All(part => part.Colours is null && part.Axes.Length == rank
            && Enumerable.Range(0, rank).All(place => place == except || part.Axes[place].AsSpan().SequenceEqual(first.Axes[place].AsSpan())));
        Value Joined() => Join(operation, [.. parts.Select(part => part.Value)]);

        bool IsOfChannels(Features part) => part.Axes[axis].All(factor => factor.Extent == Extent.Channel) && part.Shape[axis] == part.Channels;
        if (parts.All(part => part.Axes.Length == rank && IsOfChannels(part)) && AreAlike(axis))
        {
            var value = Joined();
            return first with { Value = value, Axes = first.Axes.SetItem(axis, Features.Axis(Extent.Channel, value.Channels)) };
        }

        operation.Require(
            AreAlike(except: -1) && first.Axes[axis].IsEmpty, $"it joins {string.Join(" and ", parts.Select(Text))} along axis {axis}; Riffle joins channels");
        return first with { Value = Joined(), Axes = first.Axes.SetItem(axis, [new Factor(Extent.Channel, parts.Length, first.Value.Channels)]) };
    }

    /// <summary>Values behind each other, by halves, so that of many each is listed few times.</summary>
    private Value Join(GraphNode operation, ReadOnlySpan<Value> parts)
    {
        if (parts.Length == 1)
            return parts[0];
        var half = (parts.Length + 1) / 2;
        var (left, right) = (Join(operation, parts[..half]), Join(operation, parts[half..]));
        Count(operation, left.Channels + (long)right.Channels); // before they are too many to count
        return _builder.Concat(left, right);
    }

    /// <summary>Zeros around rows and columns, for the convolution behind it to add.</summary>
    private Features Pad(GraphNode operation)
    {
        var features = FeaturesOf(operation, 0);
        var pads = operation.Integers("pads") ?? operation.Integers("paddings") ?? operation.Integers(1) ?? throw operation.Bad("it has no pads");
        var rank = features.Axes.Length;
        if (pads.Length != 2 * rank)
            throw operation.Bad($"it has {pads.Length} pads for {rank} axes");
        if (pads.All(pad => pad == 0))
            return features;
        var isZero = operation.Number("value", 0) == 0 && operation.Constant(2) is null or { Floats: [0] };
        operation.Require(operation.Text("mode", "constant") == "constant" && isZero && !operation.Has(3), "it adds other values than zeros");
        int Of(Extent extent, bool behind) => features.AxisOf(extent) is { } axis ? operation.Size(pads[axis + (behind ? rank : 0)]) : 0;
        var padding = new Padding(Of(Extent.Height, false), Of(Extent.Width, false), Of(Extent.Height, true), Of(Extent.Width, true));
        operation.Require(padding.Top + padding.Left + padding.Bottom + padding.Right == pads.Sum(), "it adds zeros elsewhere than around an image");
        var (top, left, bottom, right) = features.Padding;
        return features with { Padding = new(top + padding.Top, left + padding.Left, bottom + padding.Bottom, right + padding.Right) };
    }
}
