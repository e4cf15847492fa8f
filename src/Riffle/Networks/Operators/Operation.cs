using System.Collections.Immutable;

namespace Riffle.Networks;

/// <summary>
/// What a layer does. Each operator has one file in this folder, which says its name, its shape rule, its parameters, its cost, how it is lowered, how it is
/// written as ONNX and which ONNX nodes it is read from; nothing else in the code asks which operator a layer has. If ONNX takes more than a few lines, they
/// are in a second file beside it, <c>.Onnx.cs</c>.
/// </summary>
public abstract record Operation
{
    private protected Operation()
    {
    }

    /// <summary>Its name in tables and JSON, for example <c>max_pool</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Its settings, for a table: the height of its window, its stride and its groups; null for those it does not have.</summary>
    public virtual (int? Kernel, int? Stride, int? Groups) Settings => default;

    /// <summary>How a layer of it is drawn.</summary>
    /// <param name="input">The shape that it reads.</param>
    internal abstract LayerCaption CaptionFor(Shape input);

    /// <summary>The channels of its first input that a channel of its output depends on.</summary>
    internal virtual IEnumerable<int> SourcesOf(int channel, Shape input) => [channel];

    /// <summary>How many values it reads.</summary>
    internal virtual int InputCount => 1;

    /// <summary>Its output shape.</summary>
    /// <param name="name">The layer's name, for messages.</param>
    /// <param name="inputs">The shapes that it reads.</param>
    /// <exception cref="ArgumentException">They do not fit.</exception>
    internal abstract Shape ShapeOf(string name, ReadOnlySpan<Shape> inputs);

    /// <summary>Its parameters in the order in which torch lists them; their names lack the layer's. Those that are trained are so by their kind.</summary>
    internal virtual ImmutableArray<Parameter> ParametersOf(ReadOnlySpan<Shape> inputs) => [];

    /// <summary>The same operation with another number of output channels if it is a classifier, unchanged otherwise.</summary>
    internal virtual Operation WithOutputs(int count) => this;

    /// <summary>Multiply-adds for one image, as the ShuffleNet papers count: those of products with a kernel, nothing for all other operators.</summary>
    internal virtual long MacsOf(Layer layer) => 0;

    /// <summary>Height and stride of the window that it slides over an image; null without one.</summary>
    internal virtual (int Kernel, int Stride)? WindowOver(Shape input) => null;

    /// <summary>Adds to a lowering what computes it.</summary>
    /// <param name="lowering">The network lowered so far.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="inputs">The channels that it reads.</param>
    /// <returns>The channels of its output.</returns>
    internal abstract Channel[] Lower(LoweredNetwork lowering, Layer layer, Channel[][] inputs);

    /// <summary>Writes a layer as nodes of an ONNX graph.</summary>
    /// <returns>The name of their output.</returns>
    internal abstract string WriteOnnx(IOnnxGraph graph, Layer layer);

    /// <summary>
    /// The scale and shift of each channel if that is all it does in inference, so that it can be folded into the layer before it; otherwise null.
    /// </summary>
    /// <param name="parameter">The values of a parameter by its index.</param>
    internal virtual (double[] Scale, double[] Shift)? AffineOf(Func<int, float[]> parameter) => null;

    /// <summary>What it makes of a value of 1×1; null where it is not for such values.</summary>
    /// <param name="input">One number per channel.</param>
    /// <param name="parameter">The values of a parameter by its index.</param>
    internal virtual VectorStep? OnVector(double[] input, Func<int, float[]> parameter) => null;

    /// <summary>Whether it is the mean of each channel over all positions.</summary>
    internal virtual bool IsMean => false;

    /// <summary>Whether its output is never negative.</summary>
    /// <param name="inputsAre">Whether its inputs are never negative.</param>
    internal virtual bool IsNonNegative(bool inputsAre) => false;
}
