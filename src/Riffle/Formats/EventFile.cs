using Google.Protobuf;
using Riffle.Formats.Protos;

namespace Riffle.Formats;

/// <summary>Reads files of events, TensorFlow's as well as ours.</summary>
internal static class EventFile
{
    /// <summary>The events of a file.</summary>
    /// <exception cref="BadDataException">It is damaged.</exception>
    /// <exception cref="RiffleException">It can't be read.</exception>
    public static IEnumerable<Event> Read(string path)
    {
        using var reader = new TFRecordReader(path);
        while (reader.TryRead(out var record))
            yield return Parse(reader, record);
    }

    /// <summary>The events that <paramref name="keep"/> wants stay in the file; others go, and with them what a crash left unfinished at its end.</summary>
    /// <returns>The events that stay.</returns>
    /// <exception cref="RiffleException">It can't be read or written.</exception>
    public static IReadOnlyList<Event> Keep(string path, Func<Event, bool> keep)
    {
        var kept = new List<Event>();
        var changed = false;
        try
        {
            foreach (var e in Read(path))
            {
                if (keep(e))
                    kept.Add(e);
                else
                    changed = true;
            }
        }
        catch (BadDataException)
        {
            // Like TensorBoard, do not read beyond damage.
            changed = true;
        }

        if (changed)
        {
            AtomicFile.Write(path, stream =>
            {
                using var writer = new TFRecordWriter(stream, leaveOpen: true);
                foreach (var e in kept)
                    writer.Write(e.ToByteArray());
            });
        }

        return kept;
    }

    private static Event Parse(TFRecordReader reader, ReadOnlyMemory<byte> record)
    {
        try
        {
            return ProtocolBuffer.Parse(Event.Parser, record.Span, "an event");
        }
        catch (BadDataException e)
        {
            throw reader.Damaged(e.Message, e);
        }
    }
}
