using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Riffle.Data;
using Riffle.Images;
using Riffle.Server.Batching;

namespace Riffle.Server.Decoding;

/// <summary>Decodes images, but only one per core at the same time: others would only take turns, and hold memory. In processes of their own where there is a command for them,
/// otherwise on the threads of their requests.</summary>
internal sealed partial class Decoders : IDisposable
{
    private readonly SemaphoreSlim _free = new(Environment.ProcessorCount);
    private readonly ConcurrentStack<DecoderProcess> _idle = [];
    private readonly ServerOptions _options;
    private readonly ILogger<Decoders> _logger;

    /// <summary>Decodes a first image, so that none waits until that is compiled, and to see that it can be done.</summary>
    /// <exception cref="RiffleException">The program that decodes does not work.</exception>
    public Decoders(ServerOptions options, ILogger<Decoders> logger)
    {
        const int Side = 64;
        (_options, _logger) = (options, logger);
        try
        {
            _ = Decode(new(Side, IsWhole: true, FitKind.Crop), ImageCodec.Default.EncodeJpeg(new(Side, Side, new byte[Side * Side * 3]), quality: 90), "image", CancellationToken.None);
        }
        catch (Exception e) when (e is DecoderCrashedException or InvalidOperationException)
        {
            throw new RiffleException($"Images can't be decoded in a process of their own: {options.DecoderCommand[0]} does not work here.", e)
            {
                CommandLineAdvice = "Give --decode-here to decode them in the server.",
            };
        }
    }

    /// <summary>The pixels that the network sees of an encoded image, and its size.</summary>
    /// <exception cref="RiffleException">It is no image, or damaged or too large, or the decoder crashed on it.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async ValueTask<(byte[] Pixels, int Width, int Height)> DecodeAsync(ServedModel model, ReadOnlyMemory<byte> encoded, string name, CancellationToken cancel)
    {
        await _free.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            return Decode(model.View, encoded.Span, name, cancel);
        }
        finally
        {
            _free.Release();
        }
    }

    public void Dispose()
    {
        while (_idle.TryPop(out var process))
            process.Dispose();
        _free.Dispose();
    }

    private (byte[] Pixels, int Width, int Height) Decode(ImageView view, ReadOnlySpan<byte> encoded, string name, CancellationToken cancel)
    {
        if (_options.DecoderCommand.Count == 0)
            return ClassifierFiles.PixelsAndSize(view, encoded, new() { Name = name, MaxPixels = _options.MaxPixels }, ask: null, cancel);
        DecoderProcess? process;
        while (_idle.TryPop(out process) && process.HasEnded)
            process.Dispose();
        process ??= new(_options.DecoderCommand);
        try
        {
            return process.Decode(view, encoded, name, _options.MaxPixels);
        }
        catch (DecoderCrashedException e)
        {
            LogCrash(encoded.Length, e.ExitCode);
            process.Dispose();
            process = null;
            throw;
        }
        finally
        {
            if (process is not null)
                _idle.Push(process);
        }
    }

    [LoggerMessage(LogLevel.Error, "An image of {Bytes} bytes has ended the process that decoded it (exit code {ExitCode}); another one takes its place")]
    private partial void LogCrash(int bytes, int exitCode);
}
