using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Riffle.Data;
using Riffle.Images;

namespace Riffle.Server.Decoding;

/// <summary>A process that decodes images for a server, one at a time. A file that brings the native decoder down brings down only this.</summary>
internal sealed class DecoderProcess : IDisposable
{
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(60), Farewell = TimeSpan.FromSeconds(5);

    private readonly Process _process;

    /// <summary>Starts it.</summary>
    /// <param name="command">A program that runs <see cref="DecodingService"/> on its standard input and output, and its arguments.</param>
    /// <exception cref="InvalidOperationException">It can't be started.</exception>
    public DecoderProcess(IReadOnlyList<string> command)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardInput = true, RedirectStandardOutput = true };
        try
        {
            _process = Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new InvalidOperationException($"{command[0]}, which decodes images, can't be started: {e.Message}", e);
        }
    }

    /// <summary>Whether it has ended by itself.</summary>
    public bool HasEnded => _process.HasExited;

    /// <summary>The pixels that a network sees of an encoded image, and the size of the upright image.</summary>
    /// <exception cref="BadDataException">It is no image, or damaged or too large.</exception>
    /// <exception cref="RequestException">There is not enough memory for it.</exception>
    /// <exception cref="DecoderCrashedException">The process is of no more use; dispose of it.</exception>
    public (byte[] Pixels, int Width, int Height) Decode(ImageView view, ReadOnlySpan<byte> encoded, string name, long maxPixels)
    {
        var isLate = false;
        using var alarm = new Timer(
            _ =>
            {
                Volatile.Write(ref isLate, true);
                Kill();
            },
            null, MostTime, Timeout.InfiniteTimeSpan);
        var taken = 0L;
        try
        {
            Send(view, encoded, name, maxPixels);
            var reply = Receive(view, mayAsk: true);
            if (reply.Outcome == DecodingWire.Outcome.Asks)
            {
                // Its time stands still while it waits for others.
                alarm.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                DecodingBudget.Take(reply.Needed, CancellationToken.None);
                taken = reply.Needed;
                alarm.Change(MostTime, Timeout.InfiniteTimeSpan);
                _process.StandardInput.BaseStream.WriteByte(0);
                _process.StandardInput.BaseStream.Flush();
                reply = Receive(view, mayAsk: false);
            }

            return Result(reply, name);
        }
        catch (IOException e)
        {
            // One that has closed its pipes and lives on is of no use either.
            if (!_process.WaitForExit(Farewell))
                Kill();
            _process.WaitForExit();
            throw new DecoderCrashedException(
                Volatile.Read(ref isLate) ? $"{name}: the image takes more than {MostTime.TotalSeconds} seconds to decode"
                    : $"{name}: the image decoder crashed on this image; save it again with another program", _process.ExitCode, e);
        }
        finally
        {
            if (taken > 0)
                DecodingBudget.Return(taken);
        }
    }

    public void Dispose()
    {
        try
        {
            _process.StandardInput.Dispose();
        }
        catch (IOException)
        {
            // It still holds what a process that has ended did not read.
        }

        _process.Dispose();
    }

    private void Send(ImageView view, ReadOnlySpan<byte> encoded, string name, long maxPixels)
    {
        var order = new DecodingWire.Order(view, maxPixels, Encoding.UTF8.GetByteCount(name), encoded.Length);
        var pipe = _process.StandardInput.BaseStream;
        pipe.Write([.. DecodingWire.BytesOf(ref order), .. Encoding.UTF8.GetBytes(name)]);
        pipe.Write(encoded);
        pipe.Flush();
    }

    /// <summary>Reads a header. What comes is checked, for a file may have taken over the process.</summary>
    private DecodingWire.Reply Receive(ImageView view, bool mayAsk)
    {
        var reply = default(DecodingWire.Reply);
        _process.StandardOutput.BaseStream.ReadExactly(DecodingWire.BytesOf(ref reply));
        var isPossible = reply.Outcome switch
        {
            DecodingWire.Outcome.Decoded => reply.Bytes == view.ImageSize * view.ImageSize * 3,
            DecodingWire.Outcome.Refused => reply.Bytes is >= 0 and <= DecodingWire.MostMessage,
            DecodingWire.Outcome.OutOfMemory => reply.Bytes == 0,
            DecodingWire.Outcome.Asks => mayAsk && reply is { Bytes: 0, Needed: > 0 },
            _ => false,
        };
        if (isPossible)
            return reply;
        Kill();
        throw new IOException("an impossible answer");
    }

    private (byte[] Pixels, int Width, int Height) Result(in DecodingWire.Reply reply, string name)
    {
        var content = new byte[reply.Bytes];
        _process.StandardOutput.BaseStream.ReadExactly(content);
        return reply.Outcome switch
        {
            DecodingWire.Outcome.Decoded => (content, reply.Width, reply.Height),
            DecodingWire.Outcome.OutOfMemory => throw RequestException.Busy($"{name}: there is not enough memory to decode the image now; try again later"),
            _ => throw new BadDataException(Encoding.UTF8.GetString(content)),
        };
    }

    private void Kill()
    {
        try
        {
            _process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended meanwhile, and nobody uses it any longer.
        }
    }
}

/// <summary>A file has brought a process that decodes to its end.</summary>
/// <param name="message">What to tell whoever has sent it.</param>
/// <param name="exitCode">How the process ended; 128 and the number of a signal.</param>
/// <param name="inner">How that was seen.</param>
internal sealed class DecoderCrashedException(string message, int exitCode, Exception inner) : RiffleException(message, inner)
{
    public int ExitCode => exitCode;
}
