using System.Collections.Immutable;

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
    /// <inheritdoc/>
    public bool Equals(NetworkSpec? other) =>
        other is not null && Name == other.Name && ImageSize == other.ImageSize && Classes == other.Classes && StemStride == other.StemStride
        && Units.AsSpan().SequenceEqual(other.Units.AsSpan());

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
        return hash.ToHashCode();
    }
}
