using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Riffle.Data;
using Riffle.Formats;

namespace Riffle.Models;

/// <summary>The identity of a teacher.</summary>
/// <param name="Network">Its name.</param>
/// <param name="Top1">Its validation top-1 in percent, if its file has it.</param>
/// <param name="Fingerprint">The fingerprint of its weights: equal for equal bits.</param>
public sealed record TeacherIdentity(string Network, double? Top1, string Fingerprint)
{
    /// <summary>The identity of a model.</summary>
    public static TeacherIdentity Of(Model model) => new(model.Name, (model as Checkpoint)?.Training?.Measured?.Validation.Top1, model.Fingerprint());
}

/// <summary>Everything that determines soft labels.</summary>
/// <param name="Data">The data set.</param>
/// <param name="Teachers">The teachers.</param>
/// <param name="ImageSize">Height and width of the images in pixels, as the teachers saw them.</param>
/// <param name="Augmentation">The augmentation of each view.</param>
/// <param name="Seed">The seed of the augmentation: view v is the image of epoch v of a training with this seed.</param>
/// <param name="Views">The number of views of each image.</param>
/// <param name="Mirrored">Whether the logits of a view are the mean of those for the view and for its mirror image. False only in labels by older versions.</param>
/// <param name="VectorBits">The width of the vectors that computed them, on which their last bits depend; null in labels by older versions.</param>
/// <param name="Fit">How images that are not square became squares for the teachers.</param>
public sealed record SoftLabelsIdentity(
    DatasetIdentity Data,
    ImmutableArray<TeacherIdentity> Teachers,
    int ImageSize,
    Augmentation Augmentation,
    ulong Seed,
    int Views,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Mirrored = false,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? VectorBits = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] FitKind Fit = FitKind.Crop)
{
    /// <summary>The file of a folder of soft labels that holds it.</summary>
    internal const string DocumentName = "soft-labels.json";

    /// <summary>The fingerprint: equal for equal labels.</summary>
    [JsonIgnore]
    public string Fingerprint => Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(this, ModelJson.Compact.Of<SoftLabelsIdentity>())))[..16];
}

/// <summary>The content of soft-labels.json, including the SHA-256 of the file of each finished view.</summary>
internal sealed record SoftLabelsDocument(int Version, string Riffle, SoftLabelsIdentity SoftLabels, double Top1, ImmutableArray<string> Views);
