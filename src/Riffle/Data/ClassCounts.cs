namespace Riffle.Data;

/// <summary>How many images a class has in each split.</summary>
/// <param name="Name">The class.</param>
/// <param name="Train">Training images.</param>
/// <param name="Validation">Validation images.</param>
/// <param name="Test">Test images.</param>
public sealed record ClassCounts(string Name, int Train, int Validation, int Test);
