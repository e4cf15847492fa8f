namespace Riffle.Networks;

/// <summary>An ONNX graph while operators write their layers into it. The exchange with ONNX has the graph; an operator knows its own nodes alone.</summary>
internal interface IOnnxGraph
{
    /// <summary>The graph's images, normalised.</summary>
    string Images();

    /// <summary>The values that a layer reads: N×C×H×W, or all of them N×C.</summary>
    string[] Inputs(Layer layer);

    /// <summary>The first value that a layer reads, as N×C×H×W.</summary>
    string Planes(Layer layer);

    /// <summary>The first value that a layer reads, as N×C.</summary>
    string Rows(Layer layer);

    /// <summary>A layer's parameters as constants. A batch norm that is folded into the layer is in them.</summary>
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
    /// <returns>The name of the value that it gives.</returns>
    string Node(string operation, string name, string[] inputs, params (string Key, object Value)[] attributes);

    /// <summary>The graph needs at least this version of ONNX's operators.</summary>
    void RequireOpset(long version);
}
