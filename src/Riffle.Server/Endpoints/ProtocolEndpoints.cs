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
    ModelRepository models, Descriptions descriptions, InferenceRunner runner, ServerOptions options, BytesInFlight bytes, Guard guard)
{
    private const string Of = "/v2/models/{model}";
    private const string OfVersion = "/v2/models/{model}/versions/{version}";

    /// <summary>What this server may be asked and does not have.</summary>
    private static readonly string[] Unsupported = ["systemsharedmemory", "cudasharedmemory", "trace", "logging"];

    public void Map(IEndpointRouteBuilder routes)
    {
        void Get(string pattern, RequestDelegate handler) => routes.MapRead(pattern, guard.Of(handler));
        void Post(string pattern, RequestDelegate handler) => routes.MapPost(pattern, guard.Of(handler));
        routes.MapRead("/v2/health/live", guard.OpenToAll(context => Answer.WriteAsync(context, default, "text/plain")));
        routes.MapRead("/v2/health/ready", guard.OpenToAll(ReadyAsync));
        Get("/v2", context => Answer.JsonAsync(context, Descriptions.Server, Documents.Json.ServerMetadata));
        Get("/v2/models/stats", context => StatisticsAsync(context, null));
        foreach (var model in (string[])[Of, OfVersion])
        {
            Get(model, context => WithModelAsync(context, held => Answer.JsonAsync(context, Descriptions.MetadataOf(held), Documents.Json.ModelMetadata)));
            Get($"{model}/ready", context => WithModelAsync(context, _ => ReadyAsync(context)));
            Get($"{model}/config", context => WithModelAsync(context, held => Answer.JsonAsync(context, descriptions.ConfigOf(held), Documents.Json.ModelConfig)));
            Get($"{model}/stats", context => WithModelAsync(context, held => StatisticsAsync(context, held.Name)));
            Post($"{model}/infer", InferAsync);
        }

        Post("/v2/repository/index", context => ControlAsync(context, IndexAsync));
        Post("/v2/repository/models/{model}/load", context => ControlAsync(context, LoadAsync));
        Post("/v2/repository/models/{model}/unload", context => ControlAsync(context, UnloadAsync));
        routes.Map("/v2/{**rest}", guard.Of(context => throw Unknown(context.Request)));
    }

    private Task ReadyAsync(HttpContext context) =>
        descriptions.NotReady is { } reason ? Answer.ErrorAsync(context, 503, reason) : Answer.WriteAsync(context, default, "text/plain");

    private Task StatisticsAsync(HttpContext context, string? name) => Answer.JsonAsync(context, new(descriptions.Statistics(name)), Documents.Json.StatisticsDocument);

    private async Task WithModelAsync(HttpContext context, Func<ServedModel, Task> answer)
    {
        var model = HoldFor(context);
        try
        {
            await answer(model).ConfigureAwait(false);
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
            model.RequireRoom();
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

    private Task ControlAsync(HttpContext context, RequestDelegate control)
    {
        models.RequireControl();
        return control(context);
    }

    private Task IndexAsync(HttpContext context) => Answer.JsonAsync(context, descriptions.Index(), Documents.Json.IndexEntryArray);

    private async Task LoadAsync(HttpContext context)
    {
        using var body = await RequestBody.ReadAsync(context, options.MaxBodyBytes, bytes).ConfigureAwait(false);
        if (HasParameters(body.Bytes))
            throw RequestException.Bad(ModelRepository.NoParameters);
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
}
