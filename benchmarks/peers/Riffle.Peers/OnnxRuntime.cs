using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Riffle.Peers;

/// <summary>ONNX Runtime on the CPU, with all its graph optimisations.</summary>
internal sealed class OnnxRuntime : IDisposable
{
    private readonly InferenceSession session;
    private readonly int threads;
    private readonly RunOptions options = new();

    /// <param name="file">ONNX file with one input and one output.</param>
    /// <param name="threads">Threads that share the work of each operator.</param>
    public OnnxRuntime(string file, int threads)
    {
        this.threads = threads;
        using var settings = new SessionOptions
        {
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            IntraOpNumThreads = threads,
            InterOpNumThreads = 1,
            // Its warnings are about weights that the graph does not use.
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        session = new(file, settings);
    }

    private static string Version => OrtEnv.Instance().GetVersionString();

    /// <summary>Runs random images again and again, from memory to memory.</summary>
    public Measurement Measure(double seconds)
    {
        var shape = Shape(session.InputMetadata.Values.Single(), batch: null);
        var images = new float[Count(shape)];
        var random = new Random(1);
        foreach (ref var value in images.AsSpan())
            value = 2 * random.NextSingle() - 1;
        using var input = OrtValue.CreateTensorValueFromMemory(images, shape);
        var outputShape = Shape(session.OutputMetadata.Values.Single(), (int)shape[0]);
        using var output = OrtValue.CreateTensorValueFromMemory(new float[Count(outputShape)], outputShape);
        return Measurement.Of($"ONNX Runtime {Version}", threads, (int)shape[0], seconds, () => Run(input, output));
    }

    /// <summary>The output for the first images of an array, which holds floats or bytes as the file asks for; the output holds floats.</summary>
    public byte[] Outputs(byte[] images, int batch)
    {
        var metadata = session.InputMetadata.Values.Single();
        var shape = Shape(metadata, batch);
        var size = metadata.ElementDataType == TensorElementType.UInt8 ? sizeof(byte) : sizeof(float);
        var first = images.AsSpan(0, checked((int)Count(shape) * size));
        using var input = metadata.ElementDataType switch
        {
            TensorElementType.UInt8 => OrtValue.CreateTensorValueFromMemory(first.ToArray(), shape),
            TensorElementType.Float => OrtValue.CreateTensorValueFromMemory(MemoryMarshal.Cast<byte, float>(first).ToArray(), shape),
            var type => throw new NotSupportedException($"the input is {type}; give a file whose input is uint8 or float"),
        };
        var outputShape = Shape(session.OutputMetadata.Values.Single(), batch);
        var values = new float[Count(outputShape)];
        using var output = OrtValue.CreateTensorValueFromMemory(values, outputShape);
        Run(input, output);
        return MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
    }

    public void Dispose()
    {
        options.Dispose();
        session.Dispose();
    }

    private void Run(OrtValue input, OrtValue output) => session.Run(options, session.InputNames, [input], session.OutputNames, [output]);

    private static long Count(long[] shape) => shape.Aggregate(1L, (product, length) => product * length);

    /// <summary>The shape of an input or output, with <paramref name="batch"/> for a free first dimension.</summary>
    private static long[] Shape(NodeMetadata metadata, int? batch)
    {
        long[] shape = [.. metadata.Dimensions];
        if (shape[0] < 0)
            shape[0] = batch ?? throw new InvalidOperationException("the file's batch size is free; export it with a fixed one");
        if (batch is { } images && shape[0] != images)
            throw new InvalidOperationException($"the file takes {shape[0]} images, not {images}");
        return shape;
    }
}
