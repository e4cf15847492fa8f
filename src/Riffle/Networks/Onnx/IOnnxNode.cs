namespace Riffle.Networks;

/// <summary>
/// A node of an ONNX graph while an operator reads it: what the node says, what it reads, and what it gives. The exchange with ONNX has the graph; an operator
/// knows its own nodes alone.
/// </summary>
internal interface IOnnxNode
{
    /// <summary>ONNX's name of the operator.</summary>
    string Operator { get; }

    /// <summary>How many inputs it has.</summary>
    int InputCount { get; }

    /// <summary>The network so far.</summary>
    NetworkBuilder Builder { get; }

    /// <summary>Whether there is an input at a place.</summary>
    bool Has(int input);

    /// <summary>Whether an input is computed from the images, not a constant.</summary>
    bool IsComputed(int input);

    long Integer(string attribute, long otherwise);

    float Number(string attribute, float otherwise);

    string Text(string attribute, string otherwise);

    long[]? Integers(string attribute);

    /// <summary>A constant input of integers; null where there is no input at that place.</summary>
    long[]? Integers(int input);

    /// <summary>A constant input of floats.</summary>
    /// <exception cref="BadDataException">There is none.</exception>
    OnnxFloats Floats(int input);

    /// <summary>A constant input of floats, as many as are needed.</summary>
    /// <exception cref="BadDataException">There is none, or it has another length.</exception>
    float[] Vector(int input, int length);

    /// <summary>An axis as a number from 0 on.</summary>
    int Axis(long axis, int rank);

    /// <summary>A size that is to be an int.</summary>
    int Size(long size);

    /// <summary>The node does what Riffle can't.</summary>
    RiffleException Unsupported(string what);

    /// <summary>The node is not what the specification asks for.</summary>
    BadDataException Bad(string what);

    /// <exception cref="RiffleException">The condition does not hold.</exception>
    void Require(bool condition, string otherwise);

    /// <summary>Counts memory that is about to be taken.</summary>
    /// <exception cref="BadDataException">It is more than the model's size accounts for.</exception>
    void Take(Int128 bytes);

    /// <summary>Sizes of an input's axes.</summary>
    long[] Dimensions(int input);

    /// <summary>Number of an input's channels.</summary>
    int ChannelCount(int input);

    /// <summary>The shape of an input's value for one image.</summary>
    Shape ShapeOf(int input);

    /// <summary>Whether the axes of an input are N×C×H×W.</summary>
    bool IsPlanes(int input);

    /// <summary>Zeros that nodes before have added around an input; the layer has to add them. Only for rules that take <see cref="Deferred.Padding"/>.</summary>
    Padding PaddingOf(int input);

    /// <summary>Whether a value is never negative.</summary>
    bool IsNonNegative(Value value);

    /// <summary>The operator whose weights an input is a product with, where no other node reads that; else null.</summary>
    Operation? ProductOf(int input);

    /// <summary>An input as N×C×H×W.</summary>
    Value Planes(int input);

    /// <summary>An input as one row of values for each image.</summary>
    Value Rows(int input);

    /// <summary>For each place in such a row its place in C×H×W.</summary>
    long[] Places(int input);

    /// <summary>An input on whatever axes, its channels in their own order.</summary>
    Value InOrder(int input);

    /// <summary>Whether an input has the axes of another, but one place where the other has rows and columns.</summary>
    bool IsOneForEachChannel(int input, int other);

    /// <summary>What the node is a product of, where that is a value and a function of the same value; else null.</summary>
    OnnxGate? Gate();

    /// <summary>All inputs, one after the other; they lie on the same axes.</summary>
    IEnumerable<Value> Alike();

    /// <summary>Adds a layer that has parameters.</summary>
    /// <param name="weights">The input whose name names the layer.</param>
    /// <param name="layer">Adds the layer under a name.</param>
    /// <param name="parameters">Values of its parameters, in their order.</param>
    Value Add(int weights, Func<string, Value> layer, params ReadOnlySpan<float[]> parameters);

    /// <summary>The node gives a value as N×C×H×W.</summary>
    void Give(Value value);

    /// <summary>The node gives a value as N×C.</summary>
    void GiveRows(Value value);

    /// <summary>The node gives a value, times a number, on the axes of one of its inputs.</summary>
    void GiveLike(int input, Value value, double factor = 1);

    /// <summary>The node gives min(max(scale · x + shift, least), most) of an input. It becomes a layer when something reads it.</summary>
    void GiveClamped(int input, float least, float most, float scale = 1, float shift = 0);

    /// <summary>The node gives the sigmoid of an input. It becomes a layer when something reads it, else it is the network's end.</summary>
    void GiveSigmoid(int input);

    /// <summary>The node gives scale · x + shift of an input, by channel. It becomes a layer, or a part of the one before.</summary>
    /// <param name="input">The input.</param>
    /// <param name="scale">A factor for each channel.</param>
    /// <param name="shift">A summand for each channel.</param>
    /// <param name="isTrained">Whether the numbers look trained, so that they tell nothing of the images that the graph takes.</param>
    void GiveAffine(int input, float[] scale, float[] shift, bool isTrained = false);

    /// <summary>The node gives the mean, or the sum, of an input over some axes. It becomes a layer once the mean is over rows and columns.</summary>
    void GiveMean(int input, int[] axes, bool keepsAxes, bool isSum = false);

    /// <summary>A pointwise convolution that does no more than scale, shift and reorder the images' colours belongs to their normalisation.</summary>
    /// <param name="weights">Its kernel.</param>
    /// <param name="groups">Its groups.</param>
    /// <param name="bias">Its bias; null where it has none.</param>
    /// <returns>Whether it is one, and has been taken for that.</returns>
    bool GiveColours(OnnxFloats weights, int groups, float[]? bias);
}

/// <summary>factor · x · f(x).</summary>
/// <param name="X">The value.</param>
/// <param name="Factor">A number.</param>
/// <param name="Function">f; null for the sigmoid.</param>
internal readonly record struct OnnxGate(Value X, double Factor, ClampedLine? Function);

/// <summary>A constant of floats.</summary>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Values">Its values, the last dimension running fastest.</param>
internal readonly record struct OnnxFloats(long[] Shape, float[] Values);
