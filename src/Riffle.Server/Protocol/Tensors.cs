using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Riffle.Formats;

namespace Riffle.Server.Protocol;

/// <summary>What the tensors of a request mean to a model.</summary>
/// <remarks>
/// <c>images</c> are pixels that have the network's size: UINT8, as they are, or FP32, ready for the network, as the ONNX files of <c>riffle export</c> take them. [N, S, S, 3] or [N, 3, S, S], which the
/// shape tells apart. <c>image</c>, [N] or [N, 1] of BYTES, are image files of any size.
/// </remarks>
internal static class Tensors
{
    public const string Pixels = "images";
    public const string Files = "image";
    public const string Probabilities = "probabilities";
    public const string Verdict = "verdict";

    public const string Byte = "UINT8";
    public const string Float = "FP32";
    public const string Bytes = "BYTES";

    /// <summary>The number of images of a request's only input.</summary>
    /// <exception cref="RequestException">There is another number of inputs, or it is not what the model takes.</exception>
    public static int CountImages(InferenceRequest request, int size, int most)
    {
        if (request.Inputs is not [var input])
            throw RequestException.Bad($"one input is needed, not {request.Inputs.Count}: {What(size)}");
        var isRight = (input.Name, input.Datatype) switch
        {
            (Pixels, Byte or Float) => input.Shape is [_, _, _, _] && (IsRows(input, size) || IsPlanes(input, size)),
            (Files, Bytes) => input.Shape is [_] or [_, 1],
            _ => false,
        };
        if (!isRight)
            throw RequestException.Bad($"{input} is not what the model takes: {What(size)}");
        if (input.Shape[0] < 1 || input.Shape[0] > most)
            throw RequestException.Bad($"{input}: a request may have 1 to {most} images, not {input.Shape[0]}");
        var count = (int)input.Shape[0];
        if (input.Name == Pixels && input.Data.Length != (input.Datatype == Float ? sizeof(float) : 1) * (long)count * size * size * 3)
            throw RequestException.Bad($"{input}: its shape needs {(input.Datatype == Float ? sizeof(float) : 1) * (long)count * size * size * 3} bytes, but it has {input.Data.Length}");
        return count;
    }

    /// <summary>The images as the engine takes them: rows of bytes, or planes of floats.</summary>
    public static ReadOnlyMemory<byte> InOrder(InputTensor input, int size)
    {
        var (isFloat, isRows) = (input.Datatype == Float, IsRows(input, size));
        if (isRows != isFloat)
            return input.Data;
        var result = new byte[input.Data.Length];
        var positions = size * size;
        if (isFloat)
            Transpose(MemoryMarshal.Cast<byte, float>(input.Data.Span), MemoryMarshal.Cast<byte, float>(result.AsSpan()), rows: positions, columns: 3);
        else
            Transpose(input.Data.Span, result.AsSpan(), rows: 3, columns: positions);
        return result;
    }

    /// <summary>The elements of BYTES.</summary>
    /// <exception cref="RequestException">Their lengths don't fit the data.</exception>
    public static List<ReadOnlyMemory<byte>> Elements(InputTensor input, int count)
    {
        var (elements, data) = (new List<ReadOnlyMemory<byte>>(count), input.Data);
        while (data.Length > 0 && elements.Count < count)
        {
            var length = data.Length < sizeof(uint) ? uint.MaxValue : BinaryPrimitives.ReadUInt32LittleEndian(data.Span);
            if (length > data.Length - sizeof(uint))
                throw RequestException.Bad($"{input}: element {elements.Count} claims more bytes than there are");
            elements.Add(data.Slice(sizeof(uint), (int)length));
            data = data[(sizeof(uint) + (int)length)..];
        }

        return elements.Count == count && data.IsEmpty
            ? elements
            : throw RequestException.Bad($"{input}: its shape needs {count} elements, each behind its length in four bytes, but it has {(data.IsEmpty ? $"{elements.Count}" : "more")}");
    }

    /// <summary>A body that is one raw tensor: an image file, or pixels.</summary>
    /// <exception cref="RequestException">It is neither.</exception>
    public static InputTensor OfRaw(ReadOnlyMemory<byte> body, int size)
    {
        // By its content first: a file whose length happens to be that of the pixels would otherwise be misread without a word.
        if (ImageFormats.Detect(body.Span) is not null)
        {
            var element = new byte[sizeof(uint) + body.Length];
            BinaryPrimitives.WriteInt32LittleEndian(element, body.Length);
            body.Span.CopyTo(element.AsSpan(sizeof(uint)));
            return new(Files, Bytes, [1], element);
        }

        return body.Length == size * size * 3 ? new(Pixels, Byte, [1, size, size, 3], body)
            : body.Length == sizeof(float) * size * size * 3 ? new(Pixels, Float, [1, 3, size, size], body)
            : throw RequestException.Bad($"the body is neither an image file nor the pixels of an image: {body.Length} bytes, where {size}×{size}×3 or four times as many are needed");
    }

    private static bool IsRows(InputTensor input, int size) => input.Shape is [_, var height, var width, 3] && height == size && width == size;

    private static bool IsPlanes(InputTensor input, int size) => input.Shape is [_, 3, var height, var width] && height == size && width == size;

    private static string What(int size) =>
        $"'{Pixels}', {Byte} or {Float} [N, {size}, {size}, 3] or [N, 3, {size}, {size}], or '{Files}', {Bytes} [N] with image files";

    private static void Transpose<T>(ReadOnlySpan<T> from, Span<T> to, int rows, int columns)
    {
        for (var start = 0; start < from.Length; start += rows * columns)
        {
            for (var row = 0; row < rows; row++)
            {
                for (var column = 0; column < columns; column++)
                    to[start + (column * rows) + row] = from[start + (row * columns) + column];
            }
        }
    }
}
