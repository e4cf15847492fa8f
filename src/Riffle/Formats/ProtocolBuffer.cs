using Google.Protobuf;

namespace Riffle.Formats;

/// <summary>Reads messages of Protocol Buffers from bytes that may be anything.</summary>
internal static class ProtocolBuffer
{
    /// <summary>Reads one message.</summary>
    /// <param name="parser">The parser of its type.</param>
    /// <param name="bytes">All of it.</param>
    /// <param name="what">What it should be, for example "a tf.Example".</param>
    /// <exception cref="BadDataException">It is of another type. The message does not name the file.</exception>
    public static T Parse<T>(MessageParser<T> parser, ReadOnlySpan<byte> bytes, string what)
        where T : IMessage<T>
    {
        try
        {
            return parser.ParseFrom(bytes);
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or IndexOutOfRangeException)
        {
            // The latter results from a length near 2³¹, which the parser adds to its position without a check.
            throw new BadDataException($"not {what}: {e.Message.TrimEnd('.')}", e);
        }
    }
}
