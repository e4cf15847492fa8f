namespace Riffle.Data;

/// <summary>Which data set it was.</summary>
/// <param name="Fingerprint">The fingerprint in <c>dataset.json</c>: equal for the same records in the same order.</param>
/// <param name="Train">Number of training images.</param>
/// <param name="Validation">Number of validation images.</param>
public sealed record DatasetIdentity(string Fingerprint, int Train, int Validation)
{
    /// <summary>The identity of a data set.</summary>
    public static DatasetIdentity Of(Dataset data) => new(data.Info.Fingerprint, data.Count(Split.Train), data.Count(Split.Validation));
}
