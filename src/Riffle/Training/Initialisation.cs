using Riffle.Data;
using Riffle.Networks;
using Riffle.Recipes;

namespace Riffle.Training;

/// <summary>Initialises the weights of a network.</summary>
public static class Initialisation
{
    // "Init"; the data pipeline uses the streams from 2^32 on.
    private const ulong Stream = 0x496E_6974;

    /// <summary>Fills every kernel from a random stream of its own, which depends on the seed and the parameter's index in the network.</summary>
    /// <remarks>
    /// Fans count the real connections: in/groups·k² into an output, out/groups·k² out of an input. For ungrouped convolutions and the classifier this equals
    /// PyTorch's count. For grouped ones PyTorch uses out·k² as fan out, which would make the depthwise kernels of wide layers small.
    /// </remarks>
    public static void Fill(Weights weights, InitialisationKind kind, ulong seed)
    {
        var parameters = weights.Network.Parameters;
        foreach (var layer in weights.Network.Layers)
        {
            foreach (var p in layer.Parameters.Where(p => p.Kind == ParameterKind.Kernel))
            {
                var random = Random64.Create(seed, Stream, (ulong)parameters.IndexOf(p));
                var fanIn = p.Count / p.Shape[0];
                var groups = weights.Network.Layers[layer.Inputs[0]].Output.Channels / p.Shape[1];
                var fanOut = (double)p.Count / p.Shape[1] / groups;
                var bound = (float)Math.Sqrt(6 / (fanIn + fanOut));
                var deviation = (float)Math.Sqrt(2.0 / fanIn);
                foreach (ref var value in weights[p.Name])
                    value = kind == InitialisationKind.Xavier ? (random.NextFloat() * 2 - 1) * bound : random.NextGaussian() * deviation;
            }
        }
    }
}
