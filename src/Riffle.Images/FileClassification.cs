namespace Riffle;

/// <summary>What became of one image of many.</summary>
/// <param name="File">Its file.</param>
/// <param name="Classification">Its classes; null if it could not be classified.</param>
/// <param name="Error">Why not; null if it was.</param>
public sealed record FileClassification(string File, Classification? Classification, RiffleException? Error);
