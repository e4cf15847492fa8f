namespace Riffle.Data;

/// <summary>How TFRecords that another program wrote are understood, where it is not to be found out.</summary>
/// <param name="ImageKey">Key of the feature with the image's bytes; null: found out.</param>
/// <param name="LabelKey">Key of the feature with the class; null: found out.</param>
/// <param name="LabelOffset">The number of the first class: 0 or 1; null: found out.</param>
public sealed record TFRecordOptions(string? ImageKey = null, string? LabelKey = null, int? LabelOffset = null)
{
    /// <summary>All of it is found out.</summary>
    public static TFRecordOptions Detect { get; } = new();
}
