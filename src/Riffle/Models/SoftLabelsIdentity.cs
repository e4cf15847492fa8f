using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Riffle.Data;

namespace Riffle.Models;

/// <summary>A network that others learn from.</summary>
/// <param name="Network">Its name.</param>
/// <param name="Top1">Its validation top-1 in percent, where its file tells.</param>
/// <param name="Fingerprint">Of its weights: the same for the same bits.</param>
public sealed record TeacherIdentity(string Network, double? Top1, string Fingerprint)
{
    /// <summary>The identity of a model.</summary>
    public static TeacherIdentity Of(Model model) => new(model.Name, (model as Checkpoint)?.Training?.Best?.Validation.Top1, model.Fingerprint());
}

/// <summary>All that decides soft labels.</summary>
/// <param name="Data">The data set whose training images were looked at.</param>
/// <param name="Teachers">Who looked.</param>
/// <param name="ImageSize">Height and width of the images in pixels, as they were looked at.</param>
/// <param name="Augmentation">What was done to the images in each view.</param>
/// <param name="Seed">Of the augmentation: view v is the image as epoch v of a training with this seed has it.</param>
/// <param name="Views">How often each image was looked at.</param>
/// <param name="Mirrored">Whether a view's logits are the mean of what is seen in it and in its mirror image, as they are since that was found better.</param>
public sealed record SoftLabelsIdentity(
    DatasetIdentity Data,
    ImmutableArray<TeacherIdentity> Teachers,
    int ImageSize,
    Augmentation Augmentation,
    ulong Seed,
    int Views,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Mirrored = false)
{
    /// <summary>The file of a folder of soft labels that holds it.</summary>
    internal const string DocumentName = "soft-labels.json";

    /// <summary>The same for the same labels.</summary>
    [JsonIgnore]
    public string Fingerprint => Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(this, ModelJson.Compact)))[..16];
}
