namespace Riffle.Tests.Networks;

/// <summary>A small network of each family, for tests that every family has to pass.</summary>
internal static class SmallNetworks
{
    public static string[] Names { get; } =
    [
        "shufflenet-v1-g3-x0.25", "shufflenet-v2-x0.5", "mobilenet-v1-x0.25", "mobilenet-v2-x0.1", "mobilenet-v3-large-x0.1", "mobilenet-v3-small-x0.1",
    ];
}
