using System.Collections.Immutable;
using Riffle.Networks;

namespace Riffle.Study;

/// <summary>What the study reports of a network on Tiny ImageNet.</summary>
/// <param name="MegaFlops">Millions of operations for one image, as the study counted them; it does not say how.</param>
/// <param name="Top1">Highest top-1 accuracy on the validation images, in percent.</param>
public sealed record StudyFigure(double MegaFlops, double Top1);

/// <summary>What a table of the study shows.</summary>
public enum StudyTableKind
{
    /// <summary>The layers of its networks; the study prints no figure of them.</summary>
    Architecture,

    /// <summary>Accuracy, for which its networks have to be trained, beside complexity.</summary>
    Accuracy,

    /// <summary>Complexity alone, which is counted.</summary>
    Complexity,
}

/// <summary>A table of the study.</summary>
/// <param name="Number">As the study numbers it.</param>
/// <param name="Title">What it compares.</param>
/// <param name="Kind">What it shows.</param>
/// <param name="Models">Names of its networks, in its order.</param>
public sealed record StudyTable(int Number, string Title, StudyTableKind Kind, ImmutableArray<string> Models)
{
    /// <summary>Whether its networks have to be trained for it.</summary>
    public bool HasAccuracy => Kind == StudyTableKind.Accuracy;
}

/// <summary>The figures that the ShuffleNet study published, for the networks of <see cref="Preset.Tiny"/>.</summary>
public static class StudyFigures
{
    private static readonly Dictionary<string, StudyFigure> Figures = new()
    {
        ["shufflenet-v1-g1-x1.0"] = new(11, 50),
        ["shufflenet-v1-g1-x0.5"] = new(3, 45),
        ["shufflenet-v1-g1-x0.25"] = new(0.9, 34),
        ["shufflenet-v1-g2-x1.0"] = new(11, 51),
        ["shufflenet-v1-g2-x0.5"] = new(3.1, 43),
        ["shufflenet-v1-g2-x0.25"] = new(0.9, 34),
        ["shufflenet-v1-g3-x1.0"] = new(10.9, 52),
        ["shufflenet-v1-g3-x0.5"] = new(3.1, 45),
        ["shufflenet-v1-g3-x0.25"] = new(1, 36),
        ["shufflenet-v1-g4-x1.0"] = new(10.8, 51),
        ["shufflenet-v1-g4-x0.5"] = new(3.2, 44),
        ["shufflenet-v1-g4-x0.25"] = new(1, 36),
        ["shufflenet-v1-g8-x1.0"] = new(11.6, 51),
        ["shufflenet-v1-g8-x0.5"] = new(3.6, 44),
        ["shufflenet-v1-g8-x0.25"] = new(1.2, 37),
        ["shufflenet-v2-x1.0"] = new(29, 54),
        ["shufflenet-v2-x0.5"] = new(5.8, 46),
        ["mobilenet-v1-x1.0"] = new(23.8, 50),
        ["mobilenet-v1-x0.5"] = new(6.4, 43),
        ["mobilenet-v1-x0.25"] = new(1.8, 36),
    };

    /// <summary>Names of all its networks, family by family.</summary>
    public static ImmutableArray<string> Models { get; } = [.. Figures.Keys];

    /// <summary>Its tables, with its numbers: family by family, each from the largest network to the smallest.</summary>
    public static ImmutableArray<StudyTable> Tables { get; } =
    [
        new(1, "Architecture of ShuffleNet v1 by number of groups", StudyTableKind.Architecture, [.. GroupsAndScales.Where(IsWhole)]),
        new(2, "ShuffleNet and MobileNet", StudyTableKind.Accuracy,
        [
            "shufflenet-v1-g3-x1.0", "shufflenet-v1-g3-x0.5", "shufflenet-v1-g3-x0.25", "mobilenet-v1-x1.0", "mobilenet-v1-x0.5", "mobilenet-v1-x0.25",
        ]),
        new(3, "Accuracy of ShuffleNet v1 by number of groups and scale", StudyTableKind.Accuracy, [.. GroupsAndScales]),
        new(4, "Complexity of ShuffleNet v1 by number of groups and scale", StudyTableKind.Complexity, [.. GroupsAndScales]),
        new(5, "ShuffleNet v1 and v2", StudyTableKind.Accuracy,
            ["shufflenet-v1-g3-x1.0", "shufflenet-v1-g3-x0.5", "shufflenet-v2-x1.0", "shufflenet-v2-x0.5"]),
    ];

    /// <summary>The study's figure for a network of the given name, or null where it has none.</summary>
    public static StudyFigure? Of(string name) => Figures.GetValueOrDefault(name);

    /// <summary>The study's figure for a network, or null where the study has not this one: another size, other classes or other units.</summary>
    public static StudyFigure? Of(NetworkSpec spec) => Of(spec.Name) is { } figure && spec == NetworkCatalogue.Resolve(spec.Name) ? figure : null;

    private static IEnumerable<string> GroupsAndScales => Models.Where(name => name.StartsWith(ShuffleNetV1.Family.Name, StringComparison.Ordinal));

    private static bool IsWhole(string name) => NetworkCatalogue.ScaleOf(name) == 1;
}
