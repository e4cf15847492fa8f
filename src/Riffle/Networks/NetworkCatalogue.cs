using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Riffle.Networks;

/// <summary>The networks there are, by name.</summary>
public static partial class NetworkCatalogue
{
    internal const int MaximumSize = 4096;
    internal const int MaximumClasses = 100_000;

    private static readonly ImmutableArray<Family> Families =
    [
        ShuffleNetV1.Family, ShuffleNetV2.Family, MobileNetV1.Family, MobileNetV2.Family, MobileNetV3.LargeFamily, MobileNetV3.SmallFamily,
    ];

    /// <summary>How many units a stage may have.</summary>
    public static Limits<int> UnitLimits { get; } = new(1, 100);

    /// <summary>The networks of the study and the papers. Other scales than these can be resolved too, where a family allows it.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Families.SelectMany(family => family.Names)];

    /// <summary>Finds a network and completes what is not given from a preset.</summary>
    /// <param name="name">One of <see cref="Names"/>, or one formed like them with another scale.</param>
    /// <param name="preset">The source of the defaults.</param>
    /// <param name="imageSize">Height and width of an input image in pixels.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="units">Units in each stage.</param>
    /// <exception cref="ArgumentException">There is no such network; the message lists the choices.</exception>
    public static NetworkSpec Resolve(string name, Preset preset = Preset.Tiny, int? imageSize = null, int? classes = null, IReadOnlyList<int>? units = null)
    {
        var (family, variant) = Parse(name);
        var (size, labels, perStage, stem) = preset switch
        {
            Preset.Tiny => (56, 200, (int[])[2, 4, 2], 1),
            Preset.ImageNet => (224, 1000, [4, 8, 4], 2),
            _ => throw new ArgumentException($"unknown preset {preset}"),
        };
        var spec = new NetworkSpec(
            family.NameOf(variant),
            imageSize ?? size,
            classes ?? labels,
            units is not null ? [.. units] : [.. perStage.Take(family.Stages)],
            family.StemStrides.Contains(stem) ? stem : family.StemStrides[0]);
        Check(family, spec);
        return spec;
    }

    /// <summary>Describes a network, layer by layer.</summary>
    /// <exception cref="ArgumentException">There is no such network; the message lists the choices.</exception>
    public static Network Build(NetworkSpec spec)
    {
        if (spec.Layers is { } layers)
            return NetworkDescription.Build(spec, layers);
        var (family, variant) = Parse(spec.Name);
        Check(family, spec);
        var builder = new NetworkBuilder();
        family.Describe(builder, variant, spec);
        return builder.Build(spec.Name);
    }

    /// <summary>How wide a network is: the factor on the number of its channels, as 0.5 for x0.5.</summary>
    /// <exception cref="ArgumentException">There is no such network; the message lists the choices.</exception>
    internal static double ScaleOf(string name) => Parse(name).Variant.Scale;

    private static (Family Family, Variant Variant) Parse(string name)
    {
        var match = NamePattern().Match(name.ToLowerInvariant());
        var family = Families.FirstOrDefault(family => family.Name == match.Groups["family"].Value);
        if (family is null || match.Groups["groups"].Success == family.Groups.IsEmpty)
        {
            var forms = string.Join(", ", Families.Select(family => family.Form));
            throw new ArgumentException($"unknown network '{name}'. The closest are {string.Join(", ", Nearest(name))}; names have the form {forms}");
        }

        var groups = family.Groups.IsEmpty ? 1 : int.Parse(match.Groups["groups"].Value, CultureInfo.InvariantCulture);
        if (!family.Groups.IsEmpty && !family.Groups.Contains(groups))
            throw new ArgumentException($"{name}: {family.Name} has no variant with {groups} groups; choose {string.Join(", ", family.Groups)}");

        var scale = double.Parse(match.Groups["scale"].Value, CultureInfo.InvariantCulture);
        if (!family.Allows(scale))
            throw new ArgumentException($"{name}: {family.Name} has no scale {scale}; choose {family.PossibleScales}");

        var variant = new Variant(groups, scale);
        return (family, variant);
    }

    private static void Check(Family family, NetworkSpec spec)
    {
        var units = spec.Units.IsDefault ? [] : spec.Units;
        var smallest = family.MinimumSize(spec.StemStride);
        var problem = spec switch
        {
            _ when !family.StemStrides.Contains(spec.StemStride) =>
                $"a stem stride of {spec.StemStride}; choose {string.Join(" or ", family.StemStrides)}",
            _ when spec.ImageSize < smallest || spec.ImageSize > MaximumSize =>
                $"images of {spec.ImageSize}×{spec.ImageSize} pixels; choose {smallest} (each stride of 2 needs more than one pixel) to {MaximumSize}",
            _ when spec.Classes is < 1 or > MaximumClasses => $"{spec.Classes} classes; choose 1 to {MaximumClasses}",
            _ when units.Length != family.Stages && family.Stages == 0 =>
                $"units, because {family.Name} has no stages",
            _ when units.Length != family.Stages => $"units in {units.Length} stages, because it has {family.Stages} stages; give for example 2,4,2",
            _ when units.Any(count => !UnitLimits.Contain(count)) => $"units {string.Join(',', units)}; each stage has {UnitLimits.Least} to {UnitLimits.Most}",
            _ => null,
        };
        if (problem is not null)
            throw new ArgumentException($"{spec.Name} can't have {problem}");
    }

    /// <summary>The names of the least edit distance (Levenshtein, 1966).</summary>
    private static IEnumerable<string> Nearest(string name) => Names.OrderBy(known => Distance(known, name.ToLowerInvariant())).Take(3);

    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)));
        }

        return row[^1];
    }

    [GeneratedRegex(@"^(?<family>[a-z]+-v\d+(-[a-z]{2,})?)(-g(?<groups>\d{1,9}))?-x(?<scale>\d{1,9}(\.\d{1,9})?)$", RegexOptions.CultureInvariant)]
    private static partial Regex NamePattern();
}
