namespace Riffle.Networks;

/// <summary>The ONNX graph into which operators write their layers. Exchange implements it, so an operator needs to know only its own nodes.</summary>
internal interface IOnnxGraph
{
    /// <summary>The graph's images, normalised.</summary>
    string Images();

    /// <summary>The values that a layer reads, either all N×C×H×W or all N×C.</summary>
    string[] Inputs(Layer layer);

    /// <summary>The first value that a layer reads, as N×C×H×W.</summary>
    string Planes(Layer layer);

    /// <summary>The first value that a layer reads, as N×C.</summary>
    string Rows(Layer layer);

    /// <summary>A layer's parameters as constants, including a batch norm that is folded into them.</summary>
    string[] Parameters(Layer layer);

    /// <summary>A constant of one number.</summary>
    string Number(string name, float value);

    /// <summary>A constant list of integers.</summary>
    string Integers(string name, params long[] values);

    /// <summary>Adds a node.</summary>
    /// <param name="operation">ONNX's name of the operator.</param>
    /// <param name="name">The node's name, which begins with the layer's.</param>
    /// <param name="inputs">Names of values.</param>
    /// <param name="attributes">Longs, floats and arrays of longs.</param>
    /// <returns>The name of its output.</returns>
    string Node(string operation, string name, string[] inputs, params (string Key, object Value)[] attributes);

    /// <summary>Makes the graph use at least this version of ONNX's operators.</summary>
    void RequireOpset(long version);
}
