using Riffle.Formats.Onnx;
using Riffle.Networks;

namespace Riffle.Exchange;

/// <content>A node as operators see it.</content>
internal sealed partial class OnnxImport
{
    private sealed class GraphNode(OnnxImport import, OnnxNode node, Rule rule)
        : OnnxOperation(import._path, node, name => import._constants.GetValueOrDefault(name), import._model.Budget), IOnnxNode
    {
        /// <summary>What may still be pending on what it reads.</summary>
        public Deferred Takes => rule.Takes;

        public int InputCount => Node.Inputs.Length;

        /// <summary>Those that have been added so far are counted first: a node may add very many.</summary>
        public NetworkBuilder Builder
        {
            get
            {
                import.Count(this);
                return import._builder;
            }
        }

        private Features Given
        {
            set => import._features[Node.Outputs[0]] = value;
        }

        public void Read()
        {
            rule.Read(import, this);
            import.Count(this);
        }

        public bool IsComputed(int input) => import._features.ContainsKey(Input(input));

        public long[] Dimensions(int input) => import.FeaturesOf(this, input).Shape;

        public int ChannelCount(int input) => import.FeaturesOf(this, input).Channels;

        public Shape ShapeOf(int input) => import.FeaturesOf(this, input).Value.Shape;

        public bool IsPlanes(int input) => import.FeaturesOf(this, input) is { Axes.Length: 4 } features && Placed(features);

        public Padding PaddingOf(int input) => import.FeaturesOf(this, input).Padding;

        public bool IsNonNegative(Value value) => import.IsNonNegative(value);

        public Operation? ProductOf(int input) =>
            import.IsOwnProduct(Input(input)) ? import._builder.Layers[import.FeaturesOf(this, input).Value.Layer].Operation : null;

        public Value Planes(int input) => import.Nchw(this, input);

        public Value Rows(int input)
        {
            var features = import.FeaturesOf(this, input);
            Require(
                features.Axes.Length is 1 or 2 && features.Colours is null && (features.Axes.Length == 2 || import._batch == 1),
                "a product of other things than rows of values and a matrix");
            Require(features.Axes[..^1].All(import.IsOfImages), "a product that mixes images");
            return features.Value;
        }

        public long[] Places(int input)
        {
            var features = import.FeaturesOf(this, input);
            var (_, height, width) = features.Value.Shape;
            var places = new long[] { 0 };
            foreach (var factor in features.Axes[^1])
            {
                var step = factor.Stride * (factor.Extent switch { Extent.Channel => (long)height * width, Extent.Height => width, _ => 1 });
                places = [.. places.SelectMany(place => Enumerable.Range(0, (int)factor.Size).Select(i => place + i * step))];
            }

            return places;
        }

        public Value InOrder(int input) => import.Ordered(this, input).Value;

        public IEnumerable<Value> Alike()
        {
            var first = import.Ordered(this, 0);
            for (var input = 0; input < InputCount; input++)
            {
                var next = import.Ordered(this, input);
                if (next.Colours is not null || next.Axes.Length != first.Axes.Length
                    || next.Axes.Zip(first.Axes).Any(pair => !pair.First.AsSpan().SequenceEqual(pair.Second.AsSpan())))
                {
                    throw Unsupported($"it works on {OnnxImport.Text(first)} and {OnnxImport.Text(next)}");
                }

                yield return next.Value;
            }
        }

        public Value Add(int weights, Func<string, Value> layer, params ReadOnlySpan<float[]> parameters)
        {
            var value = layer(import.NameLayer(Node, weights));
            var named = import._builder.Layers[value.Layer].Parameters;
            for (var i = 0; i < named.Length; i++)
                import._parameters[named[i].Name] = parameters[i];
            if (named[0].Kind == ParameterKind.Kernel)
                import._products.Add(Node.Outputs[0]);
            return value;
        }

        public void Give(Value value) => Given = Features.Of(value, import._batch);

        public void GiveRows(Value value) =>
            Given = new(value, [.. import.FeaturesOf(this, 0).Axes[..^1], Features.Axis(Extent.Channel, value.Channels)]);

        public void GiveLike(int input, Value value) => Given = import.FeaturesOf(this, input) with { Value = value };

        public void GiveClamped(int input, float least, float most) => Given = import.Hold(this, input, least, most);

        public void GiveAffine(int input, float[] scale, float[] shift, bool isTrained)
        {
            if (isTrained && import.FeaturesOf(this, input).Colours is not null)
                import._doubtful ??= this;
            Given = import.Scale(this, input, scale, shift);
        }

        public void GiveMean(int input, int[] axes, bool keepsAxes, bool isSum) => Given = import.Reduce(this, input, axes, keepsAxes, isSum);

        public bool GiveColours(OnnxFloats weights, int groups, float[]? bias)
        {
            if (import.AsArithmetic(this, weights, groups, bias) is not { } colours)
                return false;
            Given = colours;
            return true;
        }
    }
}
