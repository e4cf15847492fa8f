namespace Riffle;

/// <summary>One guess at what an image shows.</summary>
/// <param name="Class">Name of the class: a WordNet id or a folder's name.</param>
/// <param name="Text">What a person reads.</param>
/// <param name="Index">Its place among the network's classes.</param>
/// <param name="Probability">From 0 to 1; over all classes they add up to 1.</param>
public sealed record Prediction(string Class, string Text, int Index, float Probability);
