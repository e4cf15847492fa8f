namespace Riffle.Formats.Onnx;

/// <summary>
/// What reading one model may take in all: in proportion to the bytes that there are of it, and a fixed amount. A few bytes of a graph can ask for any amount
/// of memory, by joining a value with itself again and again or by sharing one tensor; whatever is made while a model is read is counted here first.
/// </summary>
/// <param name="path">The model's file, for messages.</param>
/// <param name="bytes">Its length.</param>
internal sealed class OnnxBudget(string path, long bytes)
{
    /// <summary>What any model may take: room for the layers of thousands of nodes.</summary>
    public const long Fixed = 16 << 20;

    /// <summary>
    /// What it may take for each of its bytes. A weight of two bytes becomes one of four as it is read, cast, transposed, scaled by what was batch norm, copied
    /// and packed; this is four times as much.
    /// </summary>
    public const long PerByte = 32;

    private Int128 _taken;

    /// <summary>Bytes of the model that there are, in its own file and in those beside it.</summary>
    public long Bytes { get; private set; } = bytes;

    /// <summary>A file beside the model that has values of it; to be told once.</summary>
    public void Add(long bytes) => Bytes += bytes;

    /// <summary>Counts what is about to be made.</summary>
    /// <param name="bytes">Roughly how much memory it takes.</param>
    /// <param name="what">What asks for it, for the message.</param>
    /// <exception cref="BadDataException">It is more than the model's size accounts for.</exception>
    public void Take(Int128 bytes, Func<string> what)
    {
        _taken += bytes;
        if (_taken > Fixed + (Int128)PerByte * Bytes)
        {
            throw new BadDataException(
                $"{path}: {what()}: reading it needs more memory than is plausible for a model of {Bytes} bytes; the file is damaged or was written incorrectly");
        }
    }
}
