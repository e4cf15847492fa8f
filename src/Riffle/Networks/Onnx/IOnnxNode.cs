namespace Riffle.Networks;

/// <summary>
/// A node of an ONNX graph as an operator reads it: attributes and constants, the values it reads, and its output. Exchange implements it, so an operator needs
/// to know only its own nodes.
/// </summary>
internal interface IOnnxNode
{
    /// <summary>ONNX's name of the operator.</summary>
    string Operator { get; }

    /// <summary>The number of inputs.</summary>
    int InputCount { get; }

    /// <summary>The network so far.</summary>
    NetworkBuilder Builder { get; }

    /// <summary>Whether the node has this input.</summary>
    bool Has(int input);

    /// <summary>Whether an input is computed from the images. Otherwise it is a constant.</summary>
    bool IsComputed(int input);

    long Integer(string attribute, long otherwise);

    float Number(string attribute, float otherwise);

    string Text(string attribute, string otherwise);

    long[]? Integers(string attribute);

    /// <summary>A constant input of integers; null if the node does not have it.</summary>
    long[]? Integers(int input);

    /// <summary>A constant input of floats.</summary>
    /// <exception cref="BadDataException">There is none.</exception>
    OnnxFloats Floats(int input);

    /// <summary>A constant input of so many floats.</summary>
    /// <exception cref="BadDataException">There is none, or it has another length.</exception>
    float[] Vector(int input, int length);

    /// <summary>An axis, counted from 0 even if the node counts it from the end.</summary>
    int Axis(long axis, int rank);

    /// <summary>A size as an int.</summary>
    /// <exception cref="BadDataException">It is negative or too large.</exception>
    int Size(long size);

    /// <summary>The error for a node that Riffle does not support.</summary>
    RiffleException Unsupported(string what);

    /// <summary>The error for a node that breaks ONNX's specification.</summary>
    BadDataException Bad(string what);

    /// <exception cref="RiffleException">The condition is false.</exception>
    void Require(bool condition, string otherwise);

    /// <summary>Counts memory against the model's budget before it is allocated.</summary>
    /// <exception cref="BadDataException">It is more than a model of this size may take.</exception>
    void Take(Int128 bytes);

    /// <summary>The dimensions of an input.</summary>
    long[] Dimensions(int input);

    /// <summary>The number of channels of an input.</summary>
    int ChannelCount(int input);

    /// <summary>The shape of an input's value for one image.</summary>
    Shape ShapeOf(int input);

    /// <summary>Whether the axes of an input are N×C×H×W.</summary>
    bool IsPlanes(int input);

    /// <summary>Zeros that earlier nodes have added around an input; the layer has to add them. For rules that accept <see cref="Deferred.Padding"/>.</summary>
    Padding PaddingOf(int input);

    /// <summary>Whether a value is never negative.</summary>
    bool IsNonNegative(Value value);

    /// <summary>The operator that computes an input as a product with weights, if no other node reads that product; otherwise null.</summary>
    Operation? ProductOf(int input);

    /// <summary>An input as N×C×H×W.</summary>
    Value Planes(int input);

    /// <summary>An input as one row of values per image.</summary>
    Value Rows(int input);

    /// <summary>The index in C×H×W of each value of such a row.</summary>
    long[] Places(int input);

    /// <summary>An input on any axes, with its channels in their own order.</summary>
    Value InOrder(int input);

    /// <summary>Whether an input has one value per channel of another input, on the same axes.</summary>
    bool IsPerChannel(int input, int other);

    /// <summary>The factors of the node if it multiplies a value by a function of the same value; otherwise null.</summary>
    OnnxGate? Gate();

    /// <summary>All inputs one by one. Throws if their axes differ.</summary>
    IEnumerable<Value> OnSameAxes();

    /// <summary>Adds a layer that has parameters.</summary>
    /// <param name="weights">The input that the layer is named after.</param>
    /// <param name="layer">Adds the layer under a name.</param>
    /// <param name="parameters">The values of its parameters, in their order.</param>
    Value Add(int weights, Func<string, Value> layer, params ReadOnlySpan<float[]> parameters);

    /// <summary>Sets the output to a value, as N×C×H×W.</summary>
    void Output(Value value);

    /// <summary>Sets the output to a value, as N×C.</summary>
    void OutputRows(Value value);

    /// <summary>Sets the output to a value times a number, on the axes of an input.</summary>
    void OutputLike(int input, Value value, double factor = 1);

    /// <summary>Sets the output to min(max(scale · x + shift, least), most) of an input. It is deferred and becomes a layer when something reads it.</summary>
    void OutputClamped(int input, float least, float most, float scale = 1, float shift = 0);

    /// <summary>Sets the output to the sigmoid of an input. It is deferred and becomes a layer unless it is the network's output.</summary>
    void OutputSigmoid(int input);

    /// <summary>Sets the output to scale · x + shift of an input, folded into the layer before if possible.</summary>
    /// <param name="input">The input.</param>
    /// <param name="scale">A factor for each channel.</param>
    /// <param name="shift">A summand for each channel.</param>
    /// <param name="isTrained">Whether the numbers look trained, so that they do not show how images are normalised.</param>
    void OutputAffine(int input, float[] scale, float[] shift, bool isTrained = false);

    /// <summary>Sets the output to the mean or the sum of an input over some axes. It becomes a layer once it covers rows and columns.</summary>
    void OutputMean(int input, int[] axes, bool keepsAxes, bool isSum = false);

    /// <summary>
    /// If a pointwise convolution only scales, shifts and reorders the colours of the images, sets the output to that. It belongs to the images' normalisation.
    /// </summary>
    /// <param name="weights">Its kernel.</param>
    /// <param name="groups">Its groups.</param>
    /// <param name="bias">Its bias, or null.</param>
    /// <returns>Whether it does.</returns>
    bool OutputsColours(OnnxFloats weights, int groups, float[]? bias);
}

/// <summary>factor · x · f(x).</summary>
/// <param name="X">The value.</param>
/// <param name="Factor">A number.</param>
/// <param name="Function">f; null for the sigmoid.</param>
internal readonly record struct OnnxGate(Value X, double Factor, ClampedAffine? Function);

/// <summary>A constant of floats.</summary>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Values">Its values, the last dimension running fastest.</param>
internal readonly record struct OnnxFloats(long[] Shape, float[] Values);
