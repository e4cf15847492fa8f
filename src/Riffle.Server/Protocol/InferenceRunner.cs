using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Riffle.Server.Batching;
using Riffle.Server.Decoding;

namespace Riffle.Server.Protocol;

/// <summary>Answers requests of the protocol with a model, whichever way they came.</summary>
/// <param name="options">The limits.</param>
/// <param name="decoders">Decodes images, a few at a time.</param>
internal sealed class InferenceRunner(ServerOptions options, Decoders decoders)
{
    /// <summary>Answers a request and counts it.</summary>
    /// <param name="model">The model, which the caller holds.</param>
    /// <param name="request">The request. Its memory is needed until the answer.</param>
    /// <param name="arrived">When it came, as a timestamp.</param>
    /// <param name="cancel">Set when the client has left.</param>
    /// <exception cref="RequestException">The request is invalid, there is no room for it, or its time has passed.</exception>
    /// <exception cref="BadDataException">An image is damaged.</exception>
    /// <exception cref="OperationCanceledException">The client has left.</exception>
    public async Task<InferenceResult> RunAsync(ServedModel model, InferenceRequest request, long arrived, CancellationToken cancel)
    {
        var size = model.Model.ImageSize;
        var count = Tensors.CountImages(request, size, options.MaxBatch);
        var outputs = Outputs(request, model);
        var deadline = request.Timeout > 0 ? arrived + (long)Math.Min(request.Timeout * (Stopwatch.Frequency / 1e6), long.MaxValue / 2) : long.MaxValue;
        var input = request.Inputs[0];
        model.Enter(count);
        byte[]? rented = null;
        try
        {
            var began = Stopwatch.GetTimestamp();
            var data = input.Name == Tensors.Pixels
                ? Tensors.InOrder(input, size)
                : (rented = ArrayPool<byte>.Shared.Rent(count * size * size * 3)).AsMemory(0, count * size * size * 3);
            if (rented is not null)
                await DecodeAsync(model, input, count, rented, deadline, cancel).ConfigureAwait(false);
            var work = new ImageWork(data, input.Datatype == Tensors.Float, count, model.Model.Classes.Count, model.Model.Doubt is not null, deadline, cancel);
            var decoded = Stopwatch.GetTimestamp();
            await model.ComputeAsync(work).ConfigureAwait(false);
            var result = new InferenceResult(model.Name, request.Id, [.. outputs.Select(output => Output(output, work, model.Model, request.IsBinary))]);
            var now = Stopwatch.GetTimestamp();
            model.Statistics.Succeeded(now - arrived, decoded - began, work.Started - work.Enqueued, work.Finished - work.Started, now - work.Finished);
            return result;
        }
        finally
        {
            model.Leave(count);
            if (rented is not null)
                ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private async Task DecodeAsync(ServedModel model, InputTensor input, int count, byte[] pixels, long deadline, CancellationToken cancel)
    {
        var bytes = model.Model.ImageSize * model.Model.ImageSize * 3;
        foreach (var (index, file) in Tensors.Elements(input, count).Index())
        {
            if (Stopwatch.GetTimestamp() > deadline)
                throw RequestException.TooLate();
            var decoded = await decoders.DecodeAsync(model, file, count == 1 ? "image" : $"image {index}", cancel).ConfigureAwait(false);
            decoded.Pixels.CopyTo(pixels.AsSpan(index * bytes));
        }
    }

    private static IReadOnlyList<RequestedOutput> Outputs(InferenceRequest request, ServedModel model)
    {
        foreach (var output in request.Outputs)
        {
            if (output.Name != Tensors.Probabilities && (output.Name != Tensors.Verdict || model.Model.Doubt is null))
            {
                throw RequestException.Bad(
                    $"there is no output '{output.Name}', only '{Tensors.Probabilities}'{(model.Model.Doubt is null ? "" : $" and '{Tensors.Verdict}'")}");
            }

            if (output.Name == Tensors.Verdict && output.Classes > 0)
                throw RequestException.Bad($"classification is for '{Tensors.Probabilities}', not for '{Tensors.Verdict}'");
        }

        return request.Outputs.Count > 0 ? request.Outputs : [new(Tensors.Probabilities)];
    }

    private static OutputTensor Output(RequestedOutput wanted, ImageWork work, Model model, bool isBinary)
    {
        isBinary = wanted.IsBinary ?? isBinary;
        if (wanted.Name == Tensors.Verdict)
            return new(wanted.Name, [work.Count], null, [.. work.Verdicts.Select(verdict => Encoding.UTF8.GetBytes(Words.Of(verdict)))], isBinary);
        var classes = model.Classes.Count;
        if (wanted.Classes == 0)
            return new(wanted.Name, [work.Count, classes], work.Probabilities, null, isBinary);
        var most = Math.Min(wanted.Classes, classes);
        var texts =
            from image in Enumerable.Range(0, work.Count)
            from index in Words.Likeliest(work.Probabilities.AsMemory(image * classes, classes), most)
            select Encoding.UTF8.GetBytes(string.Create(
                CultureInfo.InvariantCulture, $"{work.Probabilities[(image * classes) + index]:F6}:{index}:{model.Classes[index].Text}"));
        return new(wanted.Name, [work.Count, most], null, [.. texts], isBinary);
    }
}
