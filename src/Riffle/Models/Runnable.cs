using Riffle.Execution;
using Riffle.Networks;

namespace Riffle.Models;

/// <summary>Networks that a file describes may be what no plan can be made of.</summary>
internal static class Runnable
{
    /// <summary>Refuses a network that inference can't run, before it is used.</summary>
    /// <exception cref="RiffleException">It can't be run; the message names the layer.</exception>
    public static void Require(string path, Weights weights)
    {
        try
        {
            using var plan = new InferencePlan(weights, batch: 1, threads: 1);
        }
        catch (NotSupportedException e)
        {
            throw new RiffleException($"{path}: {e.Message}; Riffle can't run this network", e);
        }
    }
}
