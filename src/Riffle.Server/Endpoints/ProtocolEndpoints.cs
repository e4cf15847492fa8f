using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Riffle.Formats;
using Riffle.Server.Batching;
using Riffle.Server.Protocol;

namespace Riffle.Server.Endpoints;

/// <summary>The Open Inference Protocol, version 2, over HTTP, with Triton's extensions.</summary>
internal sealed class ProtocolEndpoints(
    ModelRepository models, InferenceRunner runner, ServerOptions options, ServerState state, BytesInFlight bytes, Guard guard)
{
    private const string Of = "/v2/models/{model}";
    private const string OfVersion = "/v2/models/{model}/versions/{version}";

    /// <summary>What this server may be asked and does not have.</summary>
    private static readonly string[] Unsupported = ["systemsharedmemory", "cudasharedmemory", "trace", "logging"];

    public void Map(IEndpointRouteBuilder routes)
    {
        void Get(string pattern, RequestDelegate handler) => routes.MapGet(pattern, guard.Of(handler));
        void Post(string pattern, RequestDelegate handler) => routes.MapPost(pattern, guard.Of(handler));
        routes.MapGet("/v2/health/live", guard.OpenToAll(context => Answer.WriteAsync(context, default, "text/plain")));
        routes.MapGet("/v2/health/ready", guard.OpenToAll(ReadyAsync));
        Get("/v2", context => Answer.JsonAsync(context, Server, Documents.Json.ServerMetadata));
        Get("/v2/models/stats", context => StatisticsAsync(context, [.. models.Slots]));
        foreach (var model in (string[])[Of, OfVersion])
        {
            Get(model, context => WithModelAsync(context, (held, _) => Answer.JsonAsync(context, MetadataOf(held), Documents.Json.ModelMetadata)));
            Get($"{model}/ready", context => WithModelAsync(context, (_, _) => ReadyAsync(context)));
            Get($"{model}/config", context => WithModelAsync(context, (held, _) => Answer.JsonAsync(context, ConfigOf(held), Documents.Json.ModelConfig)));
            Get($"{model}/stats", context => WithModelAsync(context, (_, slot) => StatisticsAsync(context, [slot])));
            Post($"{model}/infer", InferAsync);
        }

        Post("/v2/repository/index", context => ControlAsync(context, IndexAsync));
        Post("/v2/repository/models/{model}/load", context => ControlAsync(context, LoadAsync));
        Post("/v2/repository/models/{model}/unload", context => ControlAsync(context, UnloadAsync));
        routes.Map("/v2/{**rest}", guard.Of(context => throw Unknown(context.Request)));
    }

    private static ServerMetadata Server => new(
        "riffle", RiffleVersion.Text, ["binary_tensor_data", "classification", "model_configuration", "model_repository", "model_repository(unload_dependents)", "statistics"]);

    private Task ReadyAsync(HttpContext context) => state.IsDraining
        ? Answer.ErrorAsync(context, 503, "the server is about to end")
        : Array.Exists([.. models.Slots], slot => slot.Current is null) ? Answer.ErrorAsync(context, 503, "not all models are loaded") : Answer.WriteAsync(context, default, "text/plain");

    private async Task WithModelAsync(HttpContext context, Func<ServedModel, ModelRepository.Slot, Task> answer)
    {
        var model = HoldFor(context);
        try
        {
            await answer(model, models.Slots.Single(slot => slot.Source.Name == model.Name)).ConfigureAwait(false);
        }
        finally
        {
            model.Release();
        }
    }

    private ServedModel HoldFor(HttpContext context) => models.Hold(
        (string?)context.Request.RouteValues["model"], (string?)context.Request.RouteValues["version"]);

    private async Task InferAsync(HttpContext context)
    {
        var arrived = Stopwatch.GetTimestamp();
        var model = HoldFor(context);
        using var output = new PooledBuffer();
        var length = await Guard.CountAsync(model, arrived, async () =>
        {
            using var body = await RequestBody.ReadAsync(context, options.MaxBodyBytes, bytes).ConfigureAwait(false);
            var request = JsonLength(context.Request) is not 0 and var json
                ? RequestReader.Read(body.Bytes, json)
                : new(null, 0, false, [Tensors.OfRaw(body.Bytes, model.Model.ImageSize)], []);
            return ResponseWriter.Write(await runner.RunAsync(model, request, arrived, context.RequestAborted).ConfigureAwait(false), output);
        }).ConfigureAwait(false);
        await Answer.WriteAsync(context, output.Written, length is null ? "application/json" : "application/octet-stream", length).ConfigureAwait(false);
    }

    private static int? JsonLength(HttpRequest request) => request.Headers[Answer.JsonLength].ToString() is not { Length: > 0 } text ? null
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var length) ? length
        : throw RequestException.Bad($"{Answer.JsonLength}: '{text}' is not a number of bytes");

    private Task ControlAsync(HttpContext context, RequestDelegate control) => options.AllowModelControl
        ? control(context)
        : throw new RequestException(501, "requests may not control models here; start the server with --allow-model-control");

    private Task IndexAsync(HttpContext context) => Answer.JsonAsync(
        context,
        [.. models.Slots.Select(slot => new IndexEntry(slot.Source.Name, ServedModel.Version, slot.Current is null ? "UNAVAILABLE" : "READY", slot.Reason))],
        Documents.Json.IndexEntryArray);

    private async Task LoadAsync(HttpContext context)
    {
        using var body = await RequestBody.ReadAsync(context, options.MaxBodyBytes, bytes).ConfigureAwait(false);
        if (HasParameters(body.Bytes))
            throw RequestException.Bad("a model is loaded from the file or folder that the server was started with; send no config and no files");
        var name = (string)context.Request.RouteValues["model"]!;
        await Task.Run(() => models.Load(name), context.RequestAborted).ConfigureAwait(false);
        await Answer.WriteAsync(context, default, "application/json").ConfigureAwait(false);
    }

    private Task UnloadAsync(HttpContext context)
    {
        models.Unload((string)context.Request.RouteValues["model"]!);
        return Answer.WriteAsync(context, default, "application/json");
    }

    private static bool HasParameters(ReadOnlyMemory<byte> body)
    {
        if (body.IsEmpty)
            return false;
        try
        {
            using var document = JsonDocument.Parse(body);
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("parameters", out _);
        }
        catch (JsonException e)
        {
            throw RequestException.Bad($"the body is not valid JSON: {e.Message}");
        }
    }

    private static RequestException Unknown(HttpRequest request)
    {
        var what = request.Path.Value!.Split('/').FirstOrDefault(Unsupported.Contains);
        return what is null ? RequestException.NotFound($"there is no {request.Method} {request.Path} here") : new(501, $"{what} is not supported");
    }

    private static ModelMetadata MetadataOf(ServedModel held)
    {
        var (size, classes) = (held.Model.ImageSize, held.Model.Classes.Count);
        return new(
            held.Name, [ServedModel.Version], Platform, [new(Tensors.Pixels, Tensors.Byte, [-1, size, size, 3])],
            [new(Tensors.Probabilities, Tensors.Float, [-1, classes])]);
    }

    private ModelConfig ConfigOf(ServedModel held)
    {
        var (size, classes) = (held.Model.ImageSize, held.Model.Classes.Count);
        return new(
            held.Name, Platform, Platform, options.MaxBatch, [new(Tensors.Pixels, "TYPE_UINT8", "FORMAT_NHWC", [size, size, 3])],
            [new(Tensors.Probabilities, "TYPE_FP32", null, [classes])], [new($"{held.Name}_0", "KIND_CPU", 1)],
            new([Classifier.BatchSize], (long)options.MaxDelay.TotalMicroseconds),
            new()
            {
                ["network"] = new(held.Model.Name),
                ["other_inputs"] = new($"{Tensors.Files}: BYTES [N], image files; {Tensors.Pixels}: FP32 [N, 3, {size}, {size}], normalised"),
            });
    }

    private const string Platform = "riffle";

    private static Task StatisticsAsync(HttpContext context, ModelRepository.Slot[] slots) => Answer.JsonAsync(
        context, new([.. slots.Select(slot => StatusOf(slot.Source.Name, slot.Statistics.Read()))]), Documents.Json.StatisticsDocument);

    private static ModelStatus StatusOf(string name, ModelStatistics.Snapshot all)
    {
        static Duration Of(ModelStatistics.Spent sum) => new(sum.Count, sum.Nanoseconds);
        return new(
            name, ServedModel.Version, all.LastInference, all.Inferences, all.Executions,
            new(Of(all.Success), Of(all.Fail), Of(all.Queue), Of(all.Input), Of(all.Infer), Of(all.Output), new(0, 0), new(0, 0)),
            [.. all.Batches.Select(batch => new BatchStatistics(batch.Key, Of(batch.Value)))]);
    }
}
