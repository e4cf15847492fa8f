using System.Collections.Immutable;

namespace Riffle.Networks;

/// <summary>Networks as lists of layers, and back.</summary>
internal static class NetworkDescription
{
    /// <summary>The name by which layers read the images.</summary>
    public const string InputName = "input";

    private const int LongestName = 200;

    /// <summary>
    /// What a network may take in planes and in values of windows: this, and as many times the number of its parameters. A file holds its parameters, so what a
    /// description asks for stays in proportion to the file.
    /// </summary>
    private const long FixedCost = 1 << 17, CostPerParameter = 4;

    /// <summary>The layers of a network, without the images.</summary>
    /// <exception cref="ArgumentException">The images are not square, or not in three colours.</exception>
    public static ImmutableArray<LayerDescription> Of(Network network)
    {
        var (channels, height, width) = network.Input;
        Rules.Require(
            channels == 3 && height == width, $"{network.Name}: images are {network.Input}; a file can describe a network over square images of 3 channels");
        string NameOf(int layer) => layer == 0 ? InputName : network.Layers[layer].Name;
        return [.. network.Layers.Skip(1).Select(layer => new LayerDescription(layer.Name, layer.Operation, [.. layer.Inputs.Select(NameOf)], layer.Unit))];
    }

    /// <summary>The network that some layers describe, for the image size and the number of classes of a specification.</summary>
    /// <param name="spec">Its name, image size and classes.</param>
    /// <param name="layers">Its layers. The last gives the logits; if it is fully connected, it gets as many outputs as there are classes.</param>
    /// <exception cref="ArgumentException">They are no network; the message names the layer.</exception>
    public static Network Build(NetworkSpec spec, ImmutableArray<LayerDescription> layers)
    {
        RequireName(spec.Name, "the network");
        Rules.Require(
            spec.ImageSize is > 0 and <= NetworkCatalogue.MaximumSize,
            $"{spec.Name}: images of {spec.ImageSize}×{spec.ImageSize} pixels; possible is 1 to {NetworkCatalogue.MaximumSize}");
        Rules.Require(
            spec.Classes is > 0 and <= NetworkCatalogue.MaximumClasses,
            $"{spec.Name}: {spec.Classes} classes; possible is 1 to {NetworkCatalogue.MaximumClasses}");
        Rules.Require(spec.Units.IsDefaultOrEmpty, $"{spec.Name}: units are given beside layers");
        Rules.Require(!layers.IsDefaultOrEmpty, $"{spec.Name}: the network has no layers");

        var builder = new NetworkBuilder();
        var values = new Dictionary<string, Value> { [InputName] = builder.Input(spec.ImageSize, spec.ImageSize) };
        var (cost, parameters) = (0L, 0L);
        for (var i = 0; i < layers.Length; i++)
        {
            var layer = layers[i];
            RequireName(layer.Name, $"layer {i + 1}");
            RequireName(layer.Unit, $"{layer.Name}: its unit");
            if (i == layers.Length - 1)
                layer = layer with { Operation = layer.Operation.WithOutputs(spec.Classes) };
            var inputs = InputsOf(layer, values);
            var value = builder.Append(layer, inputs);
            Rules.Require(values.TryAdd(layer.Name, value), $"two layers are named {layer.Name}");

            var window = layer.Operation.WindowOver(inputs[0].Shape)?.Kernel ?? 0;
            cost += value.Channels + (long)window * window;
            parameters += builder.Layers[^1].Parameters.Sum(parameter => (long)parameter.Count);
        }

        var network = builder.Build(spec.Name);
        var output = network.Layers[^1].Output;
        Rules.Require(
            output == new Shape(spec.Classes, 1, 1), $"{layers[^1].Name}: the last layer gives {output}; {spec.Classes} classes need {spec.Classes}×1×1");
        Rules.Require(
            cost <= FixedCost + CostPerParameter * parameters,
            $"{spec.Name}: its layers have {cost:N0} channels and window positions in all, more than a network of {parameters:N0} parameters can need");
        return network;
    }

    private static Value[] InputsOf(LayerDescription layer, Dictionary<string, Value> values)
    {
        var (name, wanted) = (layer.Name, layer.Operation.InputCount);
        Rules.Require(wanted > 0, $"{name}: a network has one input, which its layers don't list");
        Rules.Require(layer.Inputs.Length == wanted, $"{name}: {layer.Operation.Name} reads {wanted} layers, but {layer.Inputs.Length} are given");
        var inputs = new Value[wanted];
        for (var i = 0; i < wanted; i++)
        {
            RequireName(layer.Inputs[i], $"{name}: an input");
            Rules.Require(values.TryGetValue(layer.Inputs[i], out inputs[i]), $"{name}: it reads {layer.Inputs[i]}, but no layer before it has that name");
        }

        return inputs;
    }

    /// <summary>Names are printed, and become names of tensors in files.</summary>
    private static void RequireName(string name, string what)
    {
        Rules.Require(name.Length is > 0 and <= LongestName, $"{what} has a name of {name.Length} characters; possible is 1 to {LongestName}");
        Rules.Require(!name.Any(char.IsControl), $"{what} has a control character in its name");
        Rules.Require(!name.StartsWith("optimizer.", StringComparison.Ordinal), $"{what} has the name {name}; names that begin with 'optimizer.' are reserved");
    }
}
