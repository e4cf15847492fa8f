using System.Collections.Immutable;
using System.Globalization;

namespace Riffle.Networks;

/// <summary>One network of a family: what its name says.</summary>
/// <param name="Groups">Groups of the pointwise convolutions; 1 in families that have none.</param>
/// <param name="Scale">Multiplies the widths, positive.</param>
internal readonly record struct Variant(int Groups, double Scale);

/// <summary>A family of networks in the catalogue: its names, the variants it has, and the method that describes them.</summary>
/// <param name="Name">The prefix of its networks' names.</param>
/// <param name="Groups">The group counts of its table; empty if names have none.</param>
/// <param name="Scales">The scales that the papers and the study use, in their order.</param>
/// <param name="MinimumScale">The smallest scale when any is allowed; null when only <paramref name="Scales"/> are.</param>
/// <param name="Stages">Number of stages whose units can be chosen.</param>
/// <param name="StemStrides">Strides its stem may have.</param>
/// <param name="Downsamplings">The number of times that it halves the image after the stem.</param>
/// <param name="Describe">Adds its layers, the logits last.</param>
internal sealed record Family(
    string Name,
    ImmutableArray<int> Groups,
    ImmutableArray<double> Scales,
    double? MinimumScale,
    int Stages,
    ImmutableArray<int> StemStrides,
    int Downsamplings,
    Action<NetworkBuilder, Variant, NetworkSpec> Describe)
{
    /// <summary>Twice what the papers use, and small enough for every count of values to fit an int.</summary>
    public const double MaximumScale = 4;

    /// <summary>How its names are formed, for a person.</summary>
    public string Form
    {
        get
        {
            var groups = Groups.IsEmpty ? "" : $"-g{{{string.Join(',', Groups)}}}";
            var scales = MinimumScale is null ? string.Join(',', Scales.Select(ScaleText)) : "scale";
            return $"{Name}{groups}-x{{{scales}}}";
        }
    }

    /// <summary>The scales there are, for a person.</summary>
    public string PossibleScales => MinimumScale is { } least
        ? $"{least.ToString(CultureInfo.InvariantCulture)} to {MaximumScale.ToString(CultureInfo.InvariantCulture)}"
        : string.Join(", ", Scales.Select(ScaleText));

    /// <summary>The names of its pinned variants.</summary>
    public IEnumerable<string> Names =>
        from groups in Groups.IsEmpty ? [1] : Groups
        from scale in Scales
        select NameOf(new Variant(groups, scale));

    /// <summary>The one spelling of a variant's name.</summary>
    public string NameOf(Variant variant) => $"{Name}{(Groups.IsEmpty ? "" : $"-g{variant.Groups}")}-x{ScaleText(variant.Scale)}";

    /// <summary>Whether there is a variant of this scale.</summary>
    public bool Allows(double scale) => MinimumScale is { } least ? scale >= least && scale <= MaximumScale : Scales.Contains(scale);

    /// <summary>Smallest image in which every stride of 2 still finds more than one pixel.</summary>
    public int MinimumSize(int stemStride) => (1 << (Downsamplings - 1 + stemStride / 2)) + 1;

    /// <summary>A scale with at least one decimal: 1.0, 0.25.</summary>
    private static string ScaleText(double scale) => scale.ToString("0.0########", CultureInfo.InvariantCulture);
}
