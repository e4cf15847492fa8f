using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Riffle.Networks;

/// <summary>The two sets of defaults a network comes in.</summary>
public enum Preset
{
    /// <summary>The study's Table 1: 56×56 images, 200 classes, stem stride 1, units 2, 4, 2.</summary>
    Tiny,

    /// <summary>The papers': 224×224 images, 1000 classes, stem stride 2, units 4, 8, 4.</summary>
    ImageNet,
}

/// <summary>All that rebuilds a network. Equal when every value is.</summary>
/// <param name="Name">For example <c>shufflenet-v1-g3-x1.0</c>.</param>
/// <param name="ImageSize">Height and width of an input image in pixels.</param>
/// <param name="Classes">Number of classes, the length of the logits.</param>
/// <param name="Units">Units in each stage; empty for networks without stages.</param>
/// <param name="StemStride">Stride of the first convolution, 1 or 2.</param>
public sealed record NetworkSpec(string Name, int ImageSize, int Classes, ImmutableArray<int> Units, int StemStride)
{
    /// <summary>The layers of a network that is not in the catalogue, for which <see cref="Units"/> is empty and <see cref="StemStride"/> means nothing; null
    /// for one of the catalogue.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ImmutableArray<LayerDescription>? Layers { get; init; }

    /// <summary>What rebuilds a network of your own, described with <see cref="NetworkBuilder"/>. With another image size or number of classes, it rebuilds the
    /// network for these.</summary>
    /// <exception cref="ArgumentException">The images are not square or not in three colours, the last layer does not give one number for each class, or a name
    /// is too long or not printable.</exception>
    public static NetworkSpec Of(Network network)
    {
        var spec = new NetworkSpec(network.Name, network.Input.Height, network.Classes, [], StemStride: 1) { Layers = NetworkDescription.Of(network) };
        NetworkCatalogue.Build(spec);
        return spec;
    }

    /// <inheritdoc/>
    public bool Equals(NetworkSpec? other) =>
        other is not null && Name == other.Name && ImageSize == other.ImageSize && Classes == other.Classes && StemStride == other.StemStride
        && Units.AsSpan().SequenceEqual(other.Units.AsSpan())
        && (Layers is { } layers ? other.Layers is { } others && layers.AsSpan().SequenceEqual(others.AsSpan()) : other.Layers is null);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(Name);
        hash.Add(ImageSize);
        hash.Add(Classes);
        hash.Add(StemStride);
        foreach (var units in Units.AsSpan())
            hash.Add(units);
        hash.Add(Layers?.Length);
        return hash.ToHashCode();
    }
}
