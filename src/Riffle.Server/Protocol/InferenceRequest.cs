namespace Riffle.Server.Protocol;

/// <summary>A tensor that a client sends.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Datatype">UINT8, FP32 or BYTES, as the protocol has it.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Data">The values as the protocol's binary form has them: little-endian, row by row; of BYTES, each element behind its length in four bytes.</param>
internal sealed record InputTensor(string Name, string Datatype, long[] Shape, ReadOnlyMemory<byte> Data)
{
    public override string ToString() => $"input '{Name}' ({Datatype} [{string.Join(", ", Shape)}])";
}

/// <summary>What a client wants to have.</summary>
/// <param name="Name">The output's name.</param>
/// <param name="Classes">So many of the likeliest classes, in place of the values; 0: the values.</param>
/// <param name="IsBinary">Whether it comes in binary form, where there is a choice; null: as the whole request has it.</param>
internal sealed record RequestedOutput(string Name, int Classes = 0, bool? IsBinary = null);

/// <summary>A request of the Open Inference Protocol, however it was written.</summary>
/// <param name="Id">Chosen by the client, who gets it back; null: none.</param>
/// <param name="Timeout">After so many microseconds the answer is of no use; 0: never.</param>
/// <param name="IsBinary">Whether outputs come in binary form.</param>
/// <param name="Inputs">At least one.</param>
/// <param name="Outputs">Empty: the probabilities.</param>
internal sealed record InferenceRequest(string? Id, long Timeout, bool IsBinary, IReadOnlyList<InputTensor> Inputs, IReadOnlyList<RequestedOutput> Outputs);

/// <summary>A tensor of the answer: floats, or texts.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Floats">The values of FP32.</param>
/// <param name="Texts">The elements of BYTES, as UTF-8.</param>
/// <param name="IsBinary">Whether it comes in binary form.</param>
internal sealed record OutputTensor(string Name, long[] Shape, float[]? Floats, byte[][]? Texts, bool IsBinary)
{
    public string Datatype => Floats is null ? Tensors.Bytes : Tensors.Float;
}

/// <summary>The answer.</summary>
/// <param name="Model">The model's name.</param>
/// <param name="Id">The request's.</param>
/// <param name="Outputs">In the order in which they were asked for.</param>
internal sealed record InferenceResult(string Model, string? Id, IReadOnlyList<OutputTensor> Outputs);
