using Riffle.Formats.Onnx;
using Riffle.Networks;

namespace Riffle.Exchange;

/// <content>A node as operators see it.</content>
internal sealed partial class OnnxImport
{
    private sealed class GraphNode : OnnxOperation, IOnnxNode
    {
        private readonly OnnxImport _import;
        private readonly Rule? _rule;

        /// <param name="import">The graph.</param>
        /// <param name="node">The node.</param>
        /// <param name="rule">How to read it. If null, the first rule that applies to it.</param>
        public GraphNode(OnnxImport import, OnnxNode node, Rule? rule = null)
            : base(import._path, node, name => import._constants.GetValueOrDefault(name), import._model.Budget)
        {
            _import = import;
            _rule = rule ?? Rules[node.Operator].FirstOrDefault(candidate => candidate.When?.Invoke(import, this) ?? true);
        }

        /// <summary>What may still be deferred on its inputs.</summary>
        public Deferred Accepts => _rule?.Accepts ?? Deferred.None;

        public int InputCount => Node.Inputs.Length;

        /// <summary>Counts the layers so far against the budget, because one node may add very many.</summary>
        public NetworkBuilder Builder
        {
            get
            {
                _import.Count(this);
                return _import._builder;
            }
        }

        private Features Result
        {
            set => _import._features[Node.Outputs[0]] = value;
        }

        public void Read()
        {
            if (_rule is null)
                throw Unsupported(Rules.Contains(Operator) ? "Riffle supports it only with a constant input" : "Riffle supports it only for constants");
            _rule.Read(_import, this);
            _import.Count(this);
        }

        public bool IsComputed(int input) => _import._features.ContainsKey(Input(input));

        public long[] Dimensions(int input) => _import.FeaturesOf(this, input).Shape;

        public int ChannelCount(int input) => _import.FeaturesOf(this, input).Channels;

        public Shape ShapeOf(int input) => _import.FeaturesOf(this, input).Value.Shape;

        public bool IsPlanes(int input) => _import.FeaturesOf(this, input) is { Axes.Length: 4 } features && Placed(features);

        public Padding PaddingOf(int input) => _import.FeaturesOf(this, input).Padding;

        public bool IsNonNegative(Value value) => _import.IsNonNegative(value);

        public Operation? ProductOf(int input) =>
            _import.IsOwnProduct(Input(input)) ? _import._builder.Layers[_import.FeaturesOf(this, input).Value.Layer].Operation : null;

        public Value Planes(int input) => _import.Nchw(this, input);

        public Value Rows(int input)
        {
            var features = _import.FeaturesOf(this, input);
            Require(
                features.Axes.Length is 1 or 2 && features.Colours is null && (features.Axes.Length == 2 || _import._batch == 1),
                "a product of other things than rows of values and a matrix");
            Require(features.Axes[..^1].All(_import.IsOfImages), "a product that mixes images");
            return features.Value;
        }

        public long[] Places(int input)
        {
            var features = _import.FeaturesOf(this, input);
            var (_, height, width) = features.Value.Shape;
            var places = new long[] { 0 };
            foreach (var factor in features.Axes[^1])
            {
                var step = factor.Stride * (factor.Extent switch { Extent.Channel => (long)height * width, Extent.Height => width, _ => 1 });
                places = [.. places.SelectMany(place => Enumerable.Range(0, (int)factor.Size).Select(i => place + i * step))];
            }

            return places;
        }

        public Value InOrder(int input) => _import.Layered(this, _import.Ordered(this, input)).Value;

        public bool IsPerChannel(int input, int other)
        {
            var (few, many) = (_import.Ordered(this, input), _import.Ordered(this, other));
            return few.Colours is null && many.Colours is null && few.Value.Shape == new Shape(many.Channels, 1, 1) && few.Axes.Length == many.Axes.Length
                && few.Axes.Zip(many.Axes).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second.AsSpan())
                    || (pair.First.IsEmpty && pair.Second.All(factor => factor.Extent is Extent.Height or Extent.Width)));
        }

        public OnnxGate? Gate()
        {
            Features? At(int input) => InputCount == 2 ? _import._features.GetValueOrDefault(Input(input)) : null;
            return (At(0), At(1)) is ({ } left, { } right) ? Gate(left, right) ?? Gate(right, left) : null;
        }

        public IEnumerable<Value> OnSameAxes()
        {
            var first = _import.Ordered(this, 0);
            for (var input = 0; input < InputCount; input++)
            {
                var next = _import.Ordered(this, input);
                if (next.Colours is not null || next.Axes.Length != first.Axes.Length
                    || next.Axes.Zip(first.Axes).Any(pair => !pair.First.AsSpan().SequenceEqual(pair.Second.AsSpan())))
                {
                    throw Unsupported($"its inputs have different axes, {OnnxImport.Text(first)} and {OnnxImport.Text(next)}");
                }

                yield return next.Value;
            }
        }

        public Value Add(int weights, Func<string, Value> layer, params ReadOnlySpan<float[]> parameters)
        {
            var value = layer(_import.NameLayer(Node, weights));
            var named = _import._builder.Layers[value.Layer].Parameters;
            for (var i = 0; i < named.Length; i++)
                _import._parameters[named[i].Name] = parameters[i];
            if (named[0].Kind == ParameterKind.Kernel)
                _import._products.Add(Node.Outputs[0]);
            return value;
        }

        public void Output(Value value) => Result = Features.Of(value, _import._batch);

        public void OutputRows(Value value) =>
            Result = new(value, [.. _import.FeaturesOf(this, 0).Axes[..^1], Features.Axis(Extent.Channel, value.Channels)]);

        public void OutputLike(int input, Value value, double factor) =>
            Result = _import.Transform(this, input, new(value, _import.FeaturesOf(this, input).Axes), new(factor, 0, this));

        public void OutputClamped(int input, float least, float most, float scale, float shift) =>
            Result = _import.Clamp(this, input, new(scale, shift, this), least, most);

        public void OutputSigmoid(int input) =>
            Result = _import.Layered(this, _import.FeaturesOf(this, input)) with { Ending = Ending.Sigmoid, EndedBy = this };

        public void OutputAffine(int input, float[] scale, float[] shift, bool isTrained)
        {
            if (isTrained && _import.FeaturesOf(this, input).Colours is not null)
                _import._doubtful ??= this;
            Result = _import.Scale(this, input, scale, shift);
        }

        public void OutputMean(int input, int[] axes, bool keepsAxes, bool isSum) => Result = _import.Reduce(this, input, axes, keepsAxes, isSum);

        public bool OutputsColours(OnnxFloats weights, int groups, float[]? bias)
        {
            if (_import.AsArithmetic(this, weights, groups, bias) is not { } colours)
                return false;
            Result = colours;
            return true;
        }

        private static OnnxGate? Gate(Features x, Features gate)
        {
            var isSame = x.Value == gate.Value && x.Axes.Length == gate.Axes.Length
                && x.Axes.Zip(gate.Axes).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second.AsSpan()));
            var isPlain = x is { Ending: Ending.Logits, Colours: null, Function: null or { IsAffine: true, Before.Shift: 0 } };
            var isAlone = (x.Mean, gate.Mean, x.Padding, gate.Padding) == (null, null, default, default);
            if (!isSame || !isPlain || !isAlone)
                return null;
            var factor = x.Function?.Before.Scale ?? 1;
            return gate switch
            {
                { Ending: Ending.Sigmoid } => new OnnxGate(x.Value, factor, null),
                { Ending: Ending.Logits, Function: { } function } => new OnnxGate(x.Value, factor, function.Collapsed),
                _ => null,
            };
        }
    }
}
