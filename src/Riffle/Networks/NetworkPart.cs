namespace Riffle.Networks;

/// <summary>The beginning of a network as a network of its own, which gives what one of its layers does.</summary>
internal static class NetworkPart
{
    /// <summary>The network up to a layer, with its part of the weights.</summary>
    /// <param name="weights">The weights of the whole; copied.</param>
    /// <param name="last">The index of the layer.</param>
    public static Weights UpTo(Weights weights, int last)
    {
        var whole = weights.Network;
        var needed = new bool[last + 1];
        needed[last] = needed[0] = true;
        for (var i = last; i > 0; i--)
        {
            foreach (var input in needed[i] ? whole.Layers[i].Inputs : [])
                needed[input] = true;
        }

        // A layer is numbered anew where others before it are left out.
        var index = new int[last + 1];
        var layers = new List<Layer>();
        foreach (var layer in whole.Layers.Take(last + 1).Where(layer => needed[layer.Index]))
        {
            index[layer.Index] = layers.Count;
            layers.Add(layer with { Index = layers.Count, Inputs = [.. layer.Inputs.Select(input => index[input])] });
        }

        var part = new Weights(new Network($"{whole.Name} up to {whole.Layers[last].Name}", [.. layers]));
        foreach (var parameter in part.Network.Parameters)
            weights[parameter.Name].CopyTo(part[parameter.Name]);
        return part;
    }

    /// <summary>The values that the last layer reads, if they are C×1×1: the features that it classifies by; otherwise null.</summary>
    public static Weights? Features(Weights weights) =>
        weights.Network.Layers[^1].Inputs is [var input] && weights.Network.Layers[input].Output is { Height: 1, Width: 1 } ? UpTo(weights, input) : null;
}
