namespace Riffle;

/// <summary>The version of this library, as files record it.</summary>
internal static class RiffleVersion
{
    public static string Text { get; } = typeof(RiffleVersion).Assembly.GetName().Version!.ToString(3);
}
