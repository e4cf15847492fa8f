using Riffle.Execution;
using Riffle.Networks;

namespace Riffle.Models;

/// <summary>A file may describe a network that inference does not support.</summary>
internal static class Runnable
{
    /// <summary>Refuses a network that inference can't run, before it is used.</summary>
    /// <exception cref="RiffleException">It can't be run; the message names the layer.</exception>
    public static void Require(string path, Network network)
    {
        try
        {
            InferenceCompiler.Compile(network, laneCount: 1);
        }
        catch (NotSupportedException e)
        {
            throw new RiffleException($"{path}: {e.Message}; Riffle can't run this network", e);
        }
    }
}
