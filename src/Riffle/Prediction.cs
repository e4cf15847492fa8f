namespace Riffle;

/// <summary>A predicted class of an image.</summary>
/// <param name="Class">Name of the class: a WordNet id or a folder's name.</param>
/// <param name="Text">A readable name.</param>
/// <param name="Index">Its index among the network's classes.</param>
/// <param name="Probability">From 0 to 1; the probabilities of all classes sum to 1.</param>
public sealed record Prediction(string Class, string Text, int Index, float Probability);
