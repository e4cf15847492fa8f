using System.Collections.Immutable;

namespace Riffle.Networks;

/// <summary>What one layer costs for one image.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="Macs">Multiply-adds: those of convolutions and the classifier, as the ShuffleNet papers count; nothing for all other operations.</param>
/// <param name="Parameters">Trained values; running statistics are not counted.</param>
public sealed record LayerComplexity(Layer Layer, long Macs, long Parameters)
{
    /// <summary>The layer's name.</summary>
    public string Name => Layer.Name;

    /// <summary>What it does, in a word: <c>convolution</c>, <c>batch_norm</c>.</summary>
    public string Operation => Layer.Operation.Name;

    /// <summary>Its output shape.</summary>
    public Shape Output => Layer.Output;

    /// <summary>The number of values in its output.</summary>
    public long Activations => Layer.Output.Elements;
}

/// <summary>What a network costs for one image.</summary>
/// <param name="Layers">Its layers, in order.</param>
public sealed record NetworkComplexity(ImmutableArray<LayerComplexity> Layers)
{
    /// <summary>Multiply-adds of all layers.</summary>
    public long Macs { get; } = Layers.Sum(layer => layer.Macs);

    /// <summary>Trained values of all layers.</summary>
    public long Parameters { get; } = Layers.Sum(layer => layer.Parameters);

    /// <summary>The number of values in the outputs of all layers.</summary>
    public long Activations { get; } = Layers.Sum(layer => layer.Activations);
}

/// <summary>Counts multiply-adds, parameters and activations.</summary>
public static class Complexity
{
    /// <summary>Counts a network's cost for one image.</summary>
    public static NetworkComplexity Of(Network network) => new(
    [
        .. network.Layers.Select(layer =>
            new LayerComplexity(layer, layer.Operation.MacsOf(layer), layer.Parameters.Where(p => p.IsTrained).Sum(p => (long)p.Count))),
    ]);
}
