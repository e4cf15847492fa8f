using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Google.Protobuf;
using Riffle.Formats.Onnx.Protos;

namespace Riffle.Formats.Onnx;

/// <summary>Writes ONNX models. https://github.com/onnx/onnx/blob/main/docs/IR.md</summary>
internal static class OnnxWriter
{
    /// <summary>The version of the format that goes with operators from 13 on (the specification's table of versions).</summary>
    private const int FormatVersion = 7;

    /// <summary>Writes a model that contains its constants. Equal models have equal bytes.</summary>
    /// <exception cref="ArgumentException">An attribute has a value of a kind that the format has not.</exception>
    public static void Write(Stream stream, OnnxModel model)
    {
        var graph = new GraphProto { Name = model.Name };
        graph.Input.AddRange(model.Inputs.Select(Value));
        graph.Output.AddRange(model.Outputs.Select(Value));
        graph.Node.AddRange(model.Nodes.Select(Node));
        graph.Initializer.AddRange(model.Tensors.Select(Tensor));
        var file = new ModelProto
        {
            IrVersion = FormatVersion,
            ProducerName = model.Producer.Name,
            ProducerVersion = model.Producer.Version,
            Graph = graph,
        };
        file.OpsetImport.Add(new OperatorSetIdProto { Version = model.Opset });
        foreach (var (key, value) in model.Metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            file.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
        file.WriteTo(stream);
    }

    private static ValueInfoProto Value(OnnxValue value)
    {
        var shape = new TensorShapeProto();
        foreach (var size in value.Shape ?? [])
        {
            var dimension = new TensorShapeProto.Types.Dimension();
            if (size is { } known)
                dimension.DimValue = known;
            else
                dimension.DimParam = "batch";
            shape.Dim.Add(dimension);
        }

        return new() { Name = value.Name, Type = new() { TensorType = new() { ElemType = (int)value.Type, Shape = shape } } };
    }

    private static NodeProto Node(OnnxNode node)
    {
        var proto = new NodeProto { OpType = node.Operator, Name = node.Name, Domain = node.Domain };
        proto.Input.AddRange(node.Inputs);
        proto.Output.AddRange(node.Outputs);
        proto.Attribute.AddRange(node.Attributes.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => Attribute(pair.Key, pair.Value)));
        return proto;
    }

    private static AttributeProto Attribute(string name, object? value)
    {
        var proto = new AttributeProto { Name = name };
        switch (value)
        {
            case long number: (proto.Type, proto.I) = (AttributeProto.Types.AttributeType.Int, number); break;
            case float number: (proto.Type, proto.F) = (AttributeProto.Types.AttributeType.Float, number); break;
            case string text: (proto.Type, proto.S) = (AttributeProto.Types.AttributeType.String, ByteString.CopyFromUtf8(text)); break;
            case OnnxTensor tensor: (proto.Type, proto.T) = (AttributeProto.Types.AttributeType.Tensor, Tensor(tensor)); break;
            case long[] numbers:
                proto.Type = AttributeProto.Types.AttributeType.Ints;
                proto.Ints.AddRange(numbers);
                break;
            case float[] numbers:
                proto.Type = AttributeProto.Types.AttributeType.Floats;
                proto.Floats.AddRange(numbers);
                break;
            default: throw new ArgumentException($"the attribute {name} has an unsupported type: {value}");
        }

        return proto;
    }

    private static TensorProto Tensor(OnnxTensor tensor)
    {
        var proto = new TensorProto { Name = tensor.Name, DataType = (int)(tensor.Floats is null ? OnnxType.Int64 : OnnxType.Float) };
        proto.Dims.AddRange(tensor.Shape);
        proto.RawData = UnsafeByteOperations.UnsafeWrap(tensor.Floats is { } floats ? Bytes(floats) : Bytes(tensor.Integers!));
        return proto;
    }

    /// <summary>Raw data is little-endian on every machine.</summary>
    private static byte[] Bytes<T>(T[] values)
        where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes<T>(values).ToArray();
        if (BitConverter.IsLittleEndian)
            return bytes;
        for (var i = 0; i < values.Length; i++)
            bytes.AsSpan(i * Unsafe.SizeOf<T>(), Unsafe.SizeOf<T>()).Reverse();
        return bytes;
    }
}
