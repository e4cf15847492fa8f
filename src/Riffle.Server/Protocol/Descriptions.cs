using Riffle.Server.Batching;
using Riffle.Server.Endpoints;

namespace Riffle.Server.Protocol;

/// <summary>What the server, its models and its repository are, as the protocol tells it.</summary>
internal sealed class Descriptions(ServerOptions options, ModelRepository models, ServerState state)
{
    private const string Platform = "riffle";

    public static ServerMetadata Server { get; } = new(
        Platform, RiffleVersion.Text, ["binary_tensor_data", "classification", "model_configuration", "model_repository", "model_repository(unload_dependents)", "statistics"]);

    /// <summary>Why the server takes no requests now; null if it does.</summary>
    public string? NotReady => state.IsDraining ? "the server is about to end" : models.Slots.Any(slot => slot.Current is null) ? "not all models are loaded" : null;

    public IndexEntry[] Index() =>
        [.. models.Slots.Select(slot => new IndexEntry(slot.Source.Name, ServedModel.Version, slot.Current is null ? "UNAVAILABLE" : "READY", slot.Reason))];

    public static ModelMetadata MetadataOf(ServedModel held)
    {
        var (size, classes) = (held.Model.ImageSize, held.Model.Classes.Count);
        return new(
            held.Name, [ServedModel.Version], Platform, [new(Tensors.Pixels, Tensors.Byte, [-1, size, size, 3])],
            [new(Tensors.Probabilities, Tensors.Float, [-1, classes])]);
    }

    public ModelConfig ConfigOf(ServedModel held)
    {
        var (size, classes) = (held.Model.ImageSize, held.Model.Classes.Count);
        return new(
            held.Name, Platform, Platform, options.MaxBatch, [new(Tensors.Pixels, "TYPE_UINT8", "FORMAT_NHWC", [size, size, 3])],
            [new(Tensors.Probabilities, "TYPE_FP32", null, [classes])], [new($"{held.Name}_0", "KIND_CPU", 1)],
            new([Batcher.MostTogether], (long)options.MaxDelay.TotalMicroseconds),
            new()
            {
                ["network"] = new(held.Model.Name),
                ["other_inputs"] = new($"{Tensors.Files}: BYTES [N], image files; {Tensors.Pixels}: FP32 [N, 3, {size}, {size}], normalised"),
            });
    }

    /// <summary>What a model has done; all of them without a name.</summary>
    public ModelStatus[] Statistics(string? name) =>
        [.. models.Slots.Where(slot => string.IsNullOrEmpty(name) || slot.Source.Name == name).Select(slot => StatusOf(slot.Source.Name, slot.Statistics.Read()))];

    private static ModelStatus StatusOf(string name, ModelStatistics.Snapshot all)
    {
        static Duration Of(ModelStatistics.Spent sum) => new(sum.Count, sum.Nanoseconds);
        return new(
            name, ServedModel.Version, all.LastInference, all.Inferences, all.Executions,
            new(Of(all.Success), Of(all.Fail), Of(all.Queue), Of(all.Input), Of(all.Infer), Of(all.Output), new(0, 0), new(0, 0)),
            [.. all.Batches.Select(batch => new BatchStatistics(batch.Key, Of(batch.Value)))]);
    }
}
