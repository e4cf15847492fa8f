using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Riffle.Data;
using Riffle.Formats;
using Riffle.Recipes;

namespace Riffle.Models;

/// <summary>The JSON settings of checkpoints and run.json. Numbers round-trip exactly.</summary>
internal static class ModelJson
{
    /// <summary>The maximum depth of documents: the record of a fine-tuned training contains that of the training it started from.</summary>
    public const int MaxDepth = 1000;

    public static JsonSerializerOptions Compact { get; } = new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new LayersConverter() },
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        MaxDepth = MaxDepth,
        NewLine = "\n",
    }.Strict(
        ModelTypes.Default, new EnumName<OptimiserKind>(), new EnumName<InitialisationKind>(), new EnumName<ScheduleKind>(), new EnumName<FitKind>(),
        new NoNullsIn<DatasetClass>(), new NoNullsIn<EpochMetrics>(), new NoNullsIn<TeacherIdentity>(), new NoNullsIn<string>())
        .With(new Schedule()).With(new Recipe { Name = "", Schedule = new(), Augmentation = new() });

    public static JsonSerializerOptions Indented { get; } = new(Compact) { WriteIndented = true };
}

/// <summary>The documents of models and what they consist of.</summary>
[JsonSerializable(typeof(CheckpointDocument.Written))]
[JsonSerializable(typeof(NetworkFile.Document))]
[JsonSerializable(typeof(OnnxFile.RiffleMetadata))]
[JsonSerializable(typeof(RunDescription))]
[JsonSerializable(typeof(SoftLabelsIdentity))]
[JsonSerializable(typeof(SoftLabelsDocument))]
[JsonSerializable(typeof(DatasetClass[]))]
[JsonSerializable(typeof(EpochMetrics[]))]
[JsonSerializable(typeof(TeacherIdentity[]))]
[JsonSerializable(typeof(string[]))]
[JsonSerializable(typeof(int[]))]
[JsonSerializable(typeof(SortedDictionary<string, object>))]
[JsonSerializable(typeof(bool))]
[JsonSerializable(typeof(double))]
[JsonSerializable(typeof(string))]
internal sealed partial class ModelTypes : JsonSerializerContext;
