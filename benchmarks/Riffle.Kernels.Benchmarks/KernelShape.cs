using Riffle.Networks;

namespace Riffle.Kernels.Benchmarks;

/// <summary>A step of a network, which gives a kernel its shape and its surroundings: strides, bias, clamp.</summary>
/// <param name="Network">A network of the catalogue; null: <see cref="Own"/>.</param>
/// <param name="Layer">The layer that the step computes.</param>
public sealed record KernelShape(string? Network, string Layer)
{
    /// <summary>A sum and an activation that no product takes into its epilogue.</summary>
    private static Network Own
    {
        get
        {
            var builder = new NetworkBuilder();
            var x = builder.Convolution("conv", builder.Input(56, 56), outputChannels: 96, kernel: 3, stride: 2, padding: Padding.Of(1));
            var sum = builder.Add(builder.MaxPool(x, 3, 1, Padding.Of(1)), builder.MaxPool(x, 5, 1, Padding.Of(2)));
            var activated = builder.Activation(sum, ActivationKind.HardSwish);
            builder.FullyConnected("fc", builder.GlobalAveragePool(activated), outputs: 10);
            return builder.Build("own");
        }
    }

    /// <summary>Builds the network, with images of 224×224 pixels if it is one of the catalogue.</summary>
    public Network Build() => Network is null ? Own : NetworkCatalogue.Build(NetworkCatalogue.Resolve(Network, Preset.ImageNet));

    /// <inheritdoc/>
    public override string ToString() => $"{Network ?? "own"} {Layer}";
}
