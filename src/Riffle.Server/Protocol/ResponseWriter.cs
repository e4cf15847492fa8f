using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using Riffle.Server.Batching;

namespace Riffle.Server.Protocol;

/// <summary>Writes the answer to an inference request over HTTP: JSON, behind which binary tensors may stand.</summary>
internal static class ResponseWriter
{
    /// <summary>Writes it.</summary>
    /// <returns>Bytes of JSON at the beginning; null: all of it is.</returns>
    public static int? Write(InferenceResult result, IBufferWriter<byte> output)
    {
        int length;
        using (var json = new Utf8JsonWriter(output, new() { SkipValidation = true }))
        {
            json.WriteStartObject();
            if (result.Id is { } id)
                json.WriteString("id"u8, id);
            json.WriteString("model_name"u8, result.Model);
            json.WriteString("model_version"u8, ServedModel.Version);
            json.WriteStartArray("outputs"u8);
            foreach (var tensor in result.Outputs)
                Write(tensor, json);
            json.WriteEndArray();
            json.WriteEndObject();
            json.Flush();
            length = (int)json.BytesCommitted;
        }

        var hasBinary = false;
        foreach (var tensor in result.Outputs)
        {
            if (!tensor.IsBinary)
                continue;
            hasBinary = true;
            WriteBinary(tensor, output);
        }

        return hasBinary ? length : null;
    }

    private static void Write(OutputTensor tensor, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("name"u8, tensor.Name);
        json.WriteString("datatype"u8, tensor.Datatype);
        json.WriteStartArray("shape"u8);
        foreach (var size in tensor.Shape)
            json.WriteNumberValue(size);
        json.WriteEndArray();
        if (tensor.IsBinary)
        {
            json.WriteStartObject("parameters"u8);
            json.WriteNumber("binary_data_size"u8, tensor.Texts?.Sum(text => sizeof(uint) + text.Length) ?? sizeof(float) * tensor.Floats!.Length);
            json.WriteEndObject();
        }
        else
        {
            json.WriteStartArray("data"u8);
            foreach (var value in tensor.Floats ?? [])
                json.WriteNumberValue(value);
            foreach (var text in tensor.Texts ?? [])
                json.WriteStringValue(text);
            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    /// <summary>Writes a tensor in binary form.</summary>
    public static void WriteBinary(OutputTensor tensor, IBufferWriter<byte> output)
    {
        if (tensor.Floats is { } floats)
            output.Write(MemoryMarshal.AsBytes(floats.AsSpan()));
        Span<byte> length = stackalloc byte[sizeof(uint)];
        foreach (var text in tensor.Texts ?? [])
        {
            BinaryPrimitives.WriteInt32LittleEndian(length, text.Length);
            output.Write(length);
            output.Write(text);
        }
    }
}
