using System.Runtime.InteropServices;
using System.Text;

namespace Riffle.Server.Decoding;

/// <summary>The other side of <see cref="DecoderProcess"/>: decodes one image after the other until its input ends.</summary>
internal static class DecodingService
{
    /// <summary>Runs as the whole work of a process.</summary>
    /// <param name="input">Orders.</param>
    /// <param name="output">Receives an answer to each.</param>
    public static void Run(Stream input, Stream output)
    {
        // Signals to end go to all processes of a terminal or a service; images that the server has accepted must still be decoded. It closes the input when it has done.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = true);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => context.Cancel = true);
        var (order, content, hasAsked) = (default(DecodingWire.Order), Array.Empty<byte>(), false);
        while (input.ReadAtLeast(DecodingWire.BytesOf(ref order), 1, throwOnEndOfStream: false) is var read and > 0)
        {
            input.ReadExactly(DecodingWire.BytesOf(ref order)[read..]);
            var length = order.NameBytes + order.FileBytes;
            if (content.Length < length)
                content = new byte[length];
            input.ReadExactly(content, 0, length);
            Write(Answer(order, content.AsSpan(0, length), Ask));

            // The collector would keep the memory of a large image for the next one, in each of several processes.
            if (hasAsked)
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            hasAsked = false;
        }

        void Ask(long bytes)
        {
            if (bytes <= DecodingWire.MostUnasked)
                return;
            Write(Join(new() { Outcome = DecodingWire.Outcome.Asks, Needed = bytes }, []));
            if (input.ReadByte() < 0)
                throw new EndOfStreamException();
            hasAsked = true;
        }

        void Write(byte[] bytes)
        {
            output.Write(bytes);
            output.Flush();
        }
    }

    private static byte[] Answer(in DecodingWire.Order order, ReadOnlySpan<byte> content, Action<long> ask)
    {
        var options = new ClassifyOptions { Name = Encoding.UTF8.GetString(content[..order.NameBytes]), MaxPixels = order.MaxPixels };
        try
        {
            var (pixels, width, height) = ClassifierFiles.PixelsAndSize(order.View, content[order.NameBytes..], options, ask, CancellationToken.None);
            return Join(new() { Outcome = DecodingWire.Outcome.Decoded, Width = width, Height = height }, pixels);
        }
        catch (RiffleException e)
        {
            return Join(new() { Outcome = DecodingWire.Outcome.Refused }, DecodingWire.Encode(e.Message));
        }
        catch (OutOfMemoryException)
        {
            return Join(new() { Outcome = DecodingWire.Outcome.OutOfMemory }, []);
        }
    }

    private static byte[] Join(DecodingWire.Reply answer, byte[] content)
    {
        answer.Bytes = content.Length;
        return [.. DecodingWire.BytesOf(ref answer), .. content];
    }
}
