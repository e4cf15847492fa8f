using System.Collections.Immutable;

namespace Riffle.Data;

/// <summary>The parts of a data set.</summary>
public enum Split
{
    /// <summary>The images that weights are trained on.</summary>
    Train,

    /// <summary>The images that measure a training while it runs, so that epochs and recipes are chosen by them.</summary>
    Validation,

    /// <summary>The images that nothing is chosen by, to measure the chosen network once.</summary>
    Test,
}

/// <summary>What the splits are called.</summary>
internal static class Splits
{
    /// <summary>All of them, in the order of shards and lists.</summary>
    public static readonly ImmutableArray<Split> All = [Split.Train, Split.Validation, Split.Test];

    private static readonly ImmutableArray<(string Prefix, string Adjective, string Purpose)> Names =
    [
        ("train", "training", "training"),
        ("validation", "validation", "validation"),
        ("test", "test", "testing"),
    ];

    /// <summary>What the names of its shards begin with, and its name on the command line.</summary>
    public static string Prefix(this Split split) => Names[(int)split].Prefix;

    /// <summary>What its images are called: <c>training</c> images.</summary>
    public static string Adjective(this Split split) => Names[(int)split].Adjective;

    /// <summary>What its images are for: <c>testing</c>.</summary>
    public static string Purpose(this Split split) => Names[(int)split].Purpose;

    /// <summary>The split whose shards' names begin so; null if there is none.</summary>
    public static Split? WithPrefix(string prefix) => All.Where(split => split.Prefix() == prefix).Select(split => (Split?)split).FirstOrDefault();
}
