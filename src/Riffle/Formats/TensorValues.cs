using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Riffle.Formats;

/// <summary>Types of tensors' values by their safetensors names, and how they become 32-bit floats. All are little-endian.</summary>
internal static class TensorValues
{
    /// <summary>Bytes of a value; null for an unknown type, and for those of less than a byte, which nothing that these networks use has.</summary>
    public static int? BytesPerValue(string type) => type switch
    {
        "BOOL" or "U8" or "I8" or "F8_E4M3" or "F8_E5M2" => 1,
        "U16" or "I16" or "F16" or "BF16" => 2,
        "U32" or "I32" or "F32" => 4,
        "U64" or "I64" or "F64" or "C64" => 8,
        _ => null,
    };

    /// <summary>Whether <see cref="ToFloats"/> takes the type.</summary>
    public static bool IsFloat(string type) => type is "F32" or "F16" or "BF16" or "F64";

    /// <summary>Converts values of one of the types that <see cref="IsFloat"/> names.</summary>
    /// <param name="bytes">As many values as there are floats.</param>
    /// <param name="type">Their type.</param>
    /// <param name="values">Receives them.</param>
    public static void ToFloats(ReadOnlySpan<byte> bytes, string type, Span<float> values)
    {
        if (type == "F32" && BitConverter.IsLittleEndian)
        {
            MemoryMarshal.Cast<byte, float>(bytes).CopyTo(values);
            return;
        }

        var width = BytesPerValue(type)!.Value;
        for (var i = 0; i < values.Length; i++)
        {
            var value = bytes[(i * width)..];
            values[i] = type switch
            {
                "F32" => BinaryPrimitives.ReadSingleLittleEndian(value),
                "F64" => (float)BinaryPrimitives.ReadDoubleLittleEndian(value),
                "F16" => (float)BinaryPrimitives.ReadHalfLittleEndian(value),
                _ => BitConverter.Int32BitsToSingle(BinaryPrimitives.ReadUInt16LittleEndian(value) << 16), // BF16: the upper half of an F32
            };
        }
    }

    /// <summary>Converts floats to F32 or F16, rounding to nearest.</summary>
    /// <returns>The number of bytes written.</returns>
    public static int FromFloats(ReadOnlySpan<float> values, string type, Span<byte> bytes)
    {
        if (type == "F32" && BitConverter.IsLittleEndian)
        {
            MemoryMarshal.AsBytes(values).CopyTo(bytes);
            return values.Length * sizeof(float);
        }

        var width = BytesPerValue(type)!.Value;
        for (var i = 0; i < values.Length; i++)
        {
            if (type == "F32")
                BinaryPrimitives.WriteSingleLittleEndian(bytes[(i * width)..], values[i]);
            else
                BinaryPrimitives.WriteHalfLittleEndian(bytes[(i * width)..], (Half)values[i]);
        }

        return values.Length * width;
    }
}
