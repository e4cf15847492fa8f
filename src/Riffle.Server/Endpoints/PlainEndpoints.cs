using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using Riffle.Server.Batching;
using Riffle.Server.Decoding;

namespace Riffle.Server.Endpoints;

/// <summary>The plain interface: an image, or several as a form, and their classes. A damaged image fails alone.</summary>
internal sealed class PlainEndpoints(ModelRepository models, Decoders decoders, ServerOptions options, BytesInFlight bytes, Guard guard)
{
    private const int DefaultTop = 5;

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapRead("/v1/models", guard.Of(ListAsync));
        routes.MapPost("/v1/classify", guard.Of(ClassifyAsync));
    }

    private Task ListAsync(HttpContext context)
    {
        var found = models.Slots.Select(slot => slot.Current).OfType<ServedModel>().Select(held => new PlainModel(
            held.Name, ServedModel.Version, held.Model.Name, held.Model.ImageSize, held.Model.Fit.ToString().ToLowerInvariant(), held.View.Share, [.. held.Model.Classes.Select(one => one.Text)], held.HasHeatMaps, held.Model.Doubt is not null));
        return Answer.JsonAsync(context, new([.. found]), Documents.Plain.PlainModels);
    }

    private async Task ClassifyAsync(HttpContext context)
    {
        var arrived = Stopwatch.GetTimestamp();
        var query = context.Request.Query;
        var top = Number(query["top"]);
        var wantsHeat = Truth(query["heatmap"]);
        var model = models.Hold(query["model"]);
        var answer = await Guard.CountAsync(model, arrived, async () =>
        {
            model.RequireRoom();
            using var body = await RequestBody.ReadAsync(context, options.MaxBodyBytes, bytes).ConfigureAwait(false);
            var files = await FilesAsync(context.Request, body.Bytes).ConfigureAwait(false);
            model.Enter(files.Count);
            try
            {
                // The next image is decoded while the engine computes the one before.
                var images = new List<Task<PlainImage>>();
                foreach (var (name, file) in files)
                    images.Add(ClassifyAsync(model, name, file, top, wantsHeat, context.RequestAborted));
                return new PlainAnswer(model.Name, ServedModel.Version, await Task.WhenAll(images).ConfigureAwait(false));
            }
            finally
            {
                model.Leave(files.Count);
            }
        }).ConfigureAwait(false);
        await Answer.JsonAsync(context, answer, Documents.Plain.PlainAnswer).ConfigureAwait(false);
    }

    private async Task<PlainImage> ClassifyAsync(ServedModel model, string name, ReadOnlyMemory<byte> file, int top, bool wantsHeat, CancellationToken cancel)
    {
        try
        {
            var began = Stopwatch.GetTimestamp();
            var (pixels, width, height) = await decoders.DecodeAsync(model, file, name, cancel).ConfigureAwait(false);
            var (decoded, classes) = (Stopwatch.GetTimestamp(), model.Model.Classes);
            var work = new ImageWork(pixels, isFloat: false, 1, classes.Count, model.Model.Doubt is not null, cancel: cancel);
            await model.ComputeAsync(work).ConfigureAwait(false);
            var likeliest = Words.Likeliest(work.Probabilities, top).ToArray();
            var heat = wantsHeat && model.HeatMap(pixels, likeliest[0]) is { } png ? $"data:image/png;base64,{Convert.ToBase64String(png)}" : null;
            var now = Stopwatch.GetTimestamp();
            model.Statistics.Succeeded(now - began, decoded - began, work.Started - work.Enqueued, work.Finished - work.Started, now - work.Finished);
            return new PlainClassified(
                name, width, height, work.Verdicts is [var verdict] ? Words.Of(verdict) : null,
                [.. likeliest.Select(index => new PlainPrediction(classes[index].Text, index, work.Probabilities[index]))], heat,
                new(Milliseconds(began, decoded), Milliseconds(work.Enqueued, work.Started), Milliseconds(work.Started, work.Finished)));
        }
        catch (Exception e) when (e is RiffleException or RequestException)
        {
            var (_, message, reason) = Guard.Explain(e);
            model.Statistics.Failed(reason, 0);
            return new PlainFailed(name, message);
        }
    }

    /// <summary>The images of a request: its body, or the files of a form.</summary>
    private async Task<IReadOnlyList<(string Name, ReadOnlyMemory<byte> File)>> FilesAsync(HttpRequest request, ReadOnlyMemory<byte> body)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type) || type.Type.Equals("image", StringComparison.OrdinalIgnoreCase)
            || type.MediaType.Equals("application/octet-stream", StringComparison.OrdinalIgnoreCase))
        {
            return body.IsEmpty ? throw RequestException.Bad("the body is empty; send an image") : [("image", body)];
        }

        if (!type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase))
            throw new RequestException(415, $"Content-Type: {type.MediaType} is not supported; send an image, application/octet-stream or multipart/form-data");
        if (HeaderUtilities.RemoveQuotes(type.Boundary).Value is not { Length: > 0 and <= 200 } boundary)
            throw RequestException.Bad("the form has no boundary");
        var files = new List<(string, ReadOnlyMemory<byte>)>();
        try
        {
            MemoryMarshal.TryGetArray(body, out var form);
            var reader = new MultipartReader(boundary, new MemoryStream(form.Array!, form.Offset, form.Count));
            while (await reader.ReadNextSectionAsync(request.HttpContext.RequestAborted).ConfigureAwait(false) is { } section)
            {
                if (section.GetContentDispositionHeader() is not { } disposition || !disposition.IsFileDisposition())
                    continue;
                if (files.Count == options.MaxBatch)
                    throw RequestException.Bad($"a request may have at most {options.MaxBatch} images");
                using var file = new MemoryStream();
                await section.Body.CopyToAsync(file, request.HttpContext.RequestAborted).ConfigureAwait(false);
                var name = HeaderUtilities.RemoveQuotes(disposition.FileNameStar.HasValue ? disposition.FileNameStar : disposition.FileName).Value;
                files.Add((string.IsNullOrEmpty(name) ? "image" : name, file.ToArray()));
            }
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            throw RequestException.Bad($"the form is damaged: {e.Message}");
        }

        return files.Count > 0 ? files : throw RequestException.Bad("the form has no file");
    }

    private static double Milliseconds(long from, long to) => Math.Round(Stopwatch.GetElapsedTime(from, to).TotalMilliseconds, 3);

    private static int Number(string? text) => string.IsNullOrEmpty(text) ? DefaultTop
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number
        : throw RequestException.Bad($"top: '{text}' is not a whole number from 1");

    private static bool Truth(string? text) => text switch
    {
        null or "" or "false" or "0" => false,
        "true" or "1" => true,
        _ => throw RequestException.Bad($"heatmap: '{text}' is neither true nor false"),
    };
}
