namespace Riffle.Server;

/// <summary>How results are told to clients.</summary>
internal static class Words
{
    /// <summary>A verdict: sure, notSure or noneOfTheClasses.</summary>
    public static string Of(Verdict verdict) => verdict switch
    {
        Verdict.Sure => "sure",
        Verdict.NotSure => "notSure",
        _ => "noneOfTheClasses",
    };

    /// <summary>The indices of the highest probabilities, the highest first; among equal ones, the lower index first.</summary>
    public static IEnumerable<int> Likeliest(ReadOnlyMemory<float> probabilities, int most) =>
        Enumerable.Range(0, probabilities.Length).OrderByDescending(index => probabilities.Span[index]).Take(most);
}
