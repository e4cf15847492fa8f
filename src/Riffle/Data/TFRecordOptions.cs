namespace Riffle.Data;

/// <summary>How to read TFRecords from other programs; everything null is found automatically.</summary>
/// <param name="ImageKey">Key of the feature with the image's bytes; null: automatic.</param>
/// <param name="LabelKey">Key of the feature with the class; null: automatic.</param>
/// <param name="LabelOffset">The number of the first class: 0 or 1; null: automatic.</param>
public sealed record TFRecordOptions(string? ImageKey = null, string? LabelKey = null, int? LabelOffset = null)
{
    /// <summary>Everything is found automatically.</summary>
    public static TFRecordOptions Detect { get; } = new();
}
