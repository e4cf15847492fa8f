using Google.Protobuf;
using Riffle.Formats.Onnx.Protos;

namespace Riffle.Formats.Onnx;

/// <summary>Reads ONNX models. https://github.com/onnx/onnx/blob/main/docs/IR.md</summary>
internal static class OnnxReader
{
    /// <summary>A Protocol Buffers message can't be longer; larger models keep their constants in files beside them.</summary>
    private const long MostBytes = int.MaxValue;

    /// <summary>Reads a model, wholly: constants that lie in files beside it too.</summary>
    /// <exception cref="BadDataException">It is damaged or no ONNX model; the message says what is wrong.</exception>
    /// <exception cref="RiffleException">It can't be read.</exception>
    public static OnnxModel Read(string path)
    {
        var (file, bytes) = Parse(path);
        if (file.Graph is not { } graph || graph.Node.Count == 0)
            throw Bad(path, "it has no graph");
        var opset = file.OpsetImport.Where(set => set.Domain is "" or "ai.onnx").Select(set => set.Version).DefaultIfEmpty(1).Max();
        var budget = new OnnxBudget(path, bytes);
        var tensors = new TensorReader(path, budget);
        var metadata = new Dictionary<string, string>();
        foreach (var entry in file.MetadataProps)
            metadata[entry.Key] = entry.Value;
        return new(
            opset,
            (file.ProducerName, file.ProducerVersion),
            graph.Name,
            [.. graph.Input.Select(Value)],
            [.. graph.Output.Select(Value)],
            [.. graph.Node.Select(node => Node(node, tensors))],
            [.. graph.Initializer.Select(tensors.Read)],
            metadata)
        {
            Budget = budget,
        };
    }

    internal static BadDataException Bad(string path, string what, Exception? inner = null) =>
        new($"{path}: invalid ONNX model: {what}. The file is damaged or has another format; download or export it again.", inner);

    private static (ModelProto File, long Bytes) Parse(string path)
    {
        try
        {
            using var stream = InputFile.OpenSeekable(path);
            if (stream.Length > MostBytes)
                throw Bad(path, $"it has {stream.Length} bytes, more than the limit of {MostBytes}");
            return (ModelProto.Parser.ParseFrom(stream), stream.Length);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw Bad(path, $"it is not a complete Protocol Buffers message ({e.Message.TrimEnd('.')})", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotRead(path, e);
        }
    }

    private static OnnxValue Value(ValueInfoProto value)
    {
        var tensor = value.Type?.TensorType;
        long?[]? shape = tensor?.Shape is { } known ? [.. known.Dim.Select(Size)] : null;
        return new(value.Name, (OnnxType)(tensor?.ElemType ?? 0), shape);
    }

    private static long? Size(TensorShapeProto.Types.Dimension dimension) =>
        dimension.ValueCase == TensorShapeProto.Types.Dimension.ValueOneofCase.DimValue && dimension.DimValue > 0 ? dimension.DimValue : null;

    private static OnnxNode Node(NodeProto node, TensorReader tensors)
    {
        var attributes = new Dictionary<string, object?>();
        foreach (var attribute in node.Attribute)
            attributes[attribute.Name] = Attribute(attribute, tensors);
        return new(node.OpType, node.Name, [.. node.Input], [.. node.Output], attributes) { Domain = node.Domain is "ai.onnx" ? "" : node.Domain };
    }

    /// <summary>The kind is told since version 2 of the format; before, it was what had a value.</summary>
    private static object? Attribute(AttributeProto attribute, TensorReader tensors) => attribute.Type switch
    {
        AttributeProto.Types.AttributeType.Int => attribute.I,
        AttributeProto.Types.AttributeType.Float => attribute.F,
        AttributeProto.Types.AttributeType.String => attribute.S.ToStringUtf8(),
        AttributeProto.Types.AttributeType.Ints => attribute.Ints.ToArray(),
        AttributeProto.Types.AttributeType.Floats => attribute.Floats.ToArray(),
        AttributeProto.Types.AttributeType.Tensor when attribute.T is not null => tensors.Read(attribute.T),
        AttributeProto.Types.AttributeType.Undefined when attribute.HasI => attribute.I,
        AttributeProto.Types.AttributeType.Undefined when attribute.HasF => attribute.F,
        AttributeProto.Types.AttributeType.Undefined when attribute.HasS => attribute.S.ToStringUtf8(),
        AttributeProto.Types.AttributeType.Undefined when attribute.Ints.Count > 0 => attribute.Ints.ToArray(),
        AttributeProto.Types.AttributeType.Undefined when attribute.Floats.Count > 0 => attribute.Floats.ToArray(),
        _ => null,
    };
}
