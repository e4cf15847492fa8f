using System.Collections.Immutable;

namespace Riffle.Networks;

/// <summary>A layer as a file describes it: what a network can be built from again. Its shape and its parameters follow. Equal when every value is.</summary>
/// <param name="Name">Its name, which no other layer has; the prefix of its parameters' names.</param>
/// <param name="Operation">What it does, with its settings.</param>
/// <param name="Inputs">The names of the layers it reads. Each comes before it, or is <c>input</c>, the images.</param>
/// <param name="Unit">The part of the network it belongs to; its own name if it stands alone.</param>
public sealed record LayerDescription(string Name, Operation Operation, ImmutableArray<string> Inputs, string Unit)
{
    /// <inheritdoc/>
    public bool Equals(LayerDescription? other) =>
        other is not null && Name == other.Name && Operation == other.Operation && Unit == other.Unit && Inputs.AsSpan().SequenceEqual(other.Inputs.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Name, Operation, Unit, Inputs.Length);
}
