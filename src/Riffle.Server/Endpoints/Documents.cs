using System.Text.Encodings.Web;
using System.Text.Json.Serialization;

namespace Riffle.Server.Endpoints;

// The JSON of answers, apart from inference, whose names are the protocol's.
internal sealed record ErrorDocument(string Error);

internal sealed record ServerMetadata(string Name, string Version, string[] Extensions);

internal sealed record TensorMetadata(string Name, string Datatype, int[] Shape);

internal sealed record ModelMetadata(string Name, string[] Versions, string Platform, TensorMetadata[] Inputs, TensorMetadata[] Outputs);

internal sealed record ConfigTensor(string Name, string DataType, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Format, int[] Dims);

internal sealed record ConfigBatching(int[] PreferredBatchSize, long MaxQueueDelayMicroseconds);

internal sealed record ConfigInstances(string Name, string Kind, int Count);

internal sealed record ConfigText(string StringValue);

internal sealed record ModelConfig(
    string Name, string Platform, string Backend, int MaxBatchSize, ConfigTensor[] Input, ConfigTensor[] Output, ConfigInstances[] InstanceGroup, ConfigBatching DynamicBatching,
    Dictionary<string, ConfigText> Parameters);

internal sealed record Duration(long Count, long Ns);

internal sealed record InferenceStatistics(
    Duration Success, Duration Fail, Duration Queue, Duration ComputeInput, Duration ComputeInfer, Duration ComputeOutput, Duration CacheHit, Duration CacheMiss);

internal sealed record BatchStatistics(int BatchSize, Duration ComputeInfer);

internal sealed record ModelStatus(
    string Name, string Version, long LastInference, long InferenceCount, long ExecutionCount, InferenceStatistics InferenceStats, BatchStatistics[] BatchStats);

internal sealed record StatisticsDocument(ModelStatus[] ModelStats);

internal sealed record IndexEntry(string Name, string Version, string State, string Reason);

// Of the plain interface.
/// <param name="Name">Of the model.</param>
/// <param name="Version">Of the model.</param>
/// <param name="Network">Its name.</param>
/// <param name="Size">Height and width of its input in pixels.</param>
/// <param name="Fit">How images become squares: crop, pad or stretch.</param>
/// <param name="Seen">The share of the square's side that the network sees, in the middle. Heat maps cover just that.</param>
/// <param name="Classes">As people read them.</param>
/// <param name="HeatMap">Whether it has heat maps.</param>
/// <param name="Doubt">Whether it says when it is not sure.</param>
internal sealed record PlainModel(string Name, string Version, string Network, int Size, string Fit, double Seen, string[] Classes, bool HeatMap, bool Doubt);

internal sealed record PlainModels(PlainModel[] Models);

internal sealed record PlainPrediction(string Label, int Index, float Probability);

internal sealed record PlainTimes(double Decode, double Queue, double Infer);

[JsonDerivedType(typeof(PlainClassified))]
[JsonDerivedType(typeof(PlainFailed))]
internal abstract record PlainImage([property: JsonPropertyOrder(-1)] string Name);

internal sealed record PlainClassified(
    string Name, int Width, int Height, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Verdict, PlainPrediction[] Predictions, string? HeatMap,
    PlainTimes Milliseconds) : PlainImage(Name);

internal sealed record PlainFailed(string Name, string Error) : PlainImage(Name);

internal sealed record PlainAnswer(string Model, string Version, PlainImage[] Images);

/// <summary>How they are written: as text that people can read, since nothing is put into a page.</summary>
internal static class Documents
{
    public static ProtocolDocuments Json { get; } = new(new(ProtocolDocuments.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public static PlainDocuments Plain { get; } = new(new(PlainDocuments.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ErrorDocument))]
[JsonSerializable(typeof(ServerMetadata))]
[JsonSerializable(typeof(ModelMetadata))]
[JsonSerializable(typeof(ModelConfig))]
[JsonSerializable(typeof(StatisticsDocument))]
[JsonSerializable(typeof(IndexEntry[]))]
internal sealed partial class ProtocolDocuments : JsonSerializerContext;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(PlainModels))]
[JsonSerializable(typeof(PlainAnswer))]
internal sealed partial class PlainDocuments : JsonSerializerContext;
