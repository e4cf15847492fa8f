using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Riffle.Server.Protocol;

/// <summary>Reads the body of an inference request over HTTP: JSON, behind which binary tensors may stand.</summary>
internal static class RequestReader
{
    /// <summary>Data may be nested as deep as a shape has dimensions.</summary>
    private const int MaxDepth = 16;

    private const int MaxDimensions = 8, MaxTensors = 16;

    private static readonly JsonReaderOptions Json = new() { MaxDepth = MaxDepth };

    /// <summary>Reads it.</summary>
    /// <param name="body">The whole body.</param>
    /// <param name="jsonLength">Bytes of JSON at its beginning; null: all.</param>
    /// <exception cref="RequestException">It is not a request of the protocol.</exception>
    public static InferenceRequest Read(ReadOnlyMemory<byte> body, int? jsonLength)
    {
        if (jsonLength is { } length && (uint)length > (uint)body.Length)
            throw RequestException.Bad($"Inference-Header-Content-Length: {length}, but the body has only {body.Length} bytes");
        var json = body[..(jsonLength ?? body.Length)];
        try
        {
            return Read(json.Span, body[json.Length..]);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw RequestException.Bad($"the request is not valid JSON of the protocol: {e.Message}");
        }
    }

    private static InferenceRequest Read(ReadOnlySpan<byte> json, ReadOnlyMemory<byte> binary)
    {
        var reader = new Utf8JsonReader(json, Json);
        string? id = null;
        var parameters = default(Parameters);
        List<InputTensor>? inputs = null;
        List<RequestedOutput> outputs = [];
        Begin(ref reader, JsonTokenType.StartObject, "the request");
        while (Next(ref reader))
        {
            if (reader.ValueTextEquals("id"u8))
                id = Text(ref reader);
            else if (reader.ValueTextEquals("parameters"u8))
                parameters = Parameters.Read(ref reader);
            else if (reader.ValueTextEquals("inputs"u8))
                inputs = Inputs(ref reader, json, ref binary);
            else if (reader.ValueTextEquals("outputs"u8))
                outputs = Outputs(ref reader);
            else
                Skip(ref reader);
        }

        // What follows the object must be white space; the reader throws otherwise.
        reader.Read();
        if (inputs is null or [])
            throw RequestException.Bad("the request has no inputs");
        if (!binary.IsEmpty)
            throw RequestException.Bad($"{binary.Length} bytes follow the tensors that the request describes");
        return new(id, parameters.Timeout, parameters.IsBinary ?? false, inputs, outputs);
    }

    private static List<InputTensor> Inputs(ref Utf8JsonReader reader, ReadOnlySpan<byte> json, ref ReadOnlyMemory<byte> binary)
    {
        var inputs = new List<InputTensor>();
        Begin(ref reader, JsonTokenType.StartArray, "inputs");
        while (Element(ref reader, inputs.Count))
        {
            var (name, datatype, shape, data, size) = ("", "", (long[]?)null, default(Range), (long?)null);
            while (Next(ref reader))
            {
                if (reader.ValueTextEquals("name"u8))
                    name = Text(ref reader);
                else if (reader.ValueTextEquals("datatype"u8))
                    datatype = Text(ref reader);
                else if (reader.ValueTextEquals("shape"u8))
                    shape = Shape(ref reader);
                else if (reader.ValueTextEquals("parameters"u8))
                    size = Parameters.Read(ref reader).BinarySize;
                else if (reader.ValueTextEquals("data"u8))
                    data = Skip(ref reader);
                else
                    Skip(ref reader);
            }

            if (shape is null)
                throw RequestException.Bad($"input '{name}' has no shape");
            ReadOnlyMemory<byte> values;
            if (size is { } bytes)
            {
                if (bytes < 0 || bytes > binary.Length)
                    throw RequestException.Bad($"input '{name}' has binary_data_size {bytes}, but {binary.Length} bytes follow");
                (values, binary) = (binary[..(int)bytes], binary[(int)bytes..]);
            }
            else
            {
                values = json[data] is { Length: > 0 } text ? Values(text, name, datatype, shape) : throw RequestException.Bad($"input '{name}' has no data");
            }

            inputs.Add(new(name, datatype, shape, values));
        }

        return inputs;
    }

    private static List<RequestedOutput> Outputs(ref Utf8JsonReader reader)
    {
        var outputs = new List<RequestedOutput>();
        Begin(ref reader, JsonTokenType.StartArray, "outputs");
        while (Element(ref reader, outputs.Count))
        {
            var (name, parameters) = ("", default(Parameters));
            while (Next(ref reader))
            {
                if (reader.ValueTextEquals("name"u8))
                    name = Text(ref reader);
                else if (reader.ValueTextEquals("parameters"u8))
                    parameters = Parameters.Read(ref reader);
                else
                    Skip(ref reader);
            }

            outputs.Add(new(name, parameters.Classes, parameters.IsBinaryOutput));
        }

        return outputs;
    }

    private static long[] Shape(ref Utf8JsonReader reader)
    {
        var shape = new List<long>();
        Begin(ref reader, JsonTokenType.StartArray, "shape");
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            shape.Add(reader.GetInt64());
            if (shape.Count > MaxDimensions)
                throw RequestException.Bad($"a shape has at most {MaxDimensions} dimensions");
        }

        return [.. shape];
    }

    /// <summary>Values in JSON, nested or not, in binary form. Of BYTES, each is an image file in base 64.</summary>
    private static byte[] Values(ReadOnlySpan<byte> json, string name, string datatype, long[] shape)
    {
        var reader = new Utf8JsonReader(json, Json);
        using var values = new MemoryStream();
        while (reader.Read())
        {
            switch (reader.TokenType, datatype)
            {
                case (JsonTokenType.StartArray or JsonTokenType.EndArray, _):
                    break;
                case (JsonTokenType.Number, Tensors.Byte):
                    values.WriteByte(reader.TryGetByte(out var pixel) ? pixel : throw RequestException.Bad($"input '{name}': a value of {datatype} is a whole number from 0 to 255"));
                    break;
                case (JsonTokenType.Number, Tensors.Float):
                    values.Write(MemoryMarshal.AsBytes([reader.GetSingle()]));
                    break;
                case (JsonTokenType.String, Tensors.Bytes):
                    var file = reader.TryGetBytesFromBase64(out var bytes) ? bytes : throw RequestException.Bad($"input '{name}': in JSON, an image file is a string in base 64");
                    values.Write(MemoryMarshal.AsBytes([file.Length]));
                    values.Write(file);
                    break;
                default:
                    throw RequestException.Bad($"input '{name}': {reader.TokenType} is not a value of {datatype} [{string.Join(", ", shape)}]");
            }
        }

        return values.ToArray();
    }

    private static void Begin(ref Utf8JsonReader reader, JsonTokenType type, string what)
    {
        if (!reader.Read() || reader.TokenType != type)
            throw RequestException.Bad($"{what} must be {(type == JsonTokenType.StartArray ? "an array" : "an object")}");
    }

    /// <summary>Goes to the next object of an array; false at its end.</summary>
    private static bool Element(ref Utf8JsonReader reader, int before)
    {
        if (!reader.Read() || reader.TokenType == JsonTokenType.EndArray)
            return false;
        if (reader.TokenType != JsonTokenType.StartObject)
            throw RequestException.Bad("inputs and outputs are arrays of objects");
        return before < MaxTensors ? true : throw RequestException.Bad($"a request has at most {MaxTensors} inputs and {MaxTensors} outputs");
    }

    /// <summary>Goes to the next property of an object; false at its end.</summary>
    private static bool Next(ref Utf8JsonReader reader) => reader.Read() && reader.TokenType == JsonTokenType.PropertyName;

    private static string Text(ref Utf8JsonReader reader)
    {
        reader.Read();
        return reader.GetString() ?? "";
    }

    /// <summary>Goes past a value, and returns where it stands.</summary>
    private static Range Skip(ref Utf8JsonReader reader)
    {
        reader.Read();
        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        return start..(int)reader.BytesConsumed;
    }

    /// <summary>The parameters that mean something here; others are passed over.</summary>
    private readonly record struct Parameters(long Timeout, bool? IsBinary, long? BinarySize, int Classes, bool? IsBinaryOutput)
    {
        public static Parameters Read(ref Utf8JsonReader reader)
        {
            var found = default(Parameters);
            Begin(ref reader, JsonTokenType.StartObject, "parameters");
            while (Next(ref reader))
            {
                if (reader.ValueTextEquals("timeout"u8))
                    found = found with { Timeout = Number(ref reader) };
                else if (reader.ValueTextEquals("binary_data_output"u8))
                    found = found with { IsBinary = Truth(ref reader) };
                else if (reader.ValueTextEquals("binary_data_size"u8))
                    found = found with { BinarySize = Number(ref reader) };
                else if (reader.ValueTextEquals("classification"u8))
                    found = found with { Classes = (int)Math.Clamp(Number(ref reader), 0, int.MaxValue) };
                else if (reader.ValueTextEquals("binary_data"u8))
                    found = found with { IsBinaryOutput = Truth(ref reader) };
                else if (reader.ValueTextEquals("shared_memory_region"u8))
                    throw new RequestException(501, "shared memory is not supported; send the tensor in the request");
                else
                    Skip(ref reader);
            }

            return found;
        }

        /// <summary>A number, or one that is written as a string, as some clients do.</summary>
        private static long Number(ref Utf8JsonReader reader)
        {
            reader.Read();
            return reader.TokenType == JsonTokenType.String ? long.Parse(reader.GetString()!, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) : reader.GetInt64();
        }

        private static bool Truth(ref Utf8JsonReader reader)
        {
            reader.Read();
            return reader.GetBoolean();
        }
    }
}
