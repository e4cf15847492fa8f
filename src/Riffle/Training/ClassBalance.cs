using Riffle.Data;
using Riffle.Networks;

namespace Riffle.Training;

/// <summary>
/// Weights that count every class alike, however many images it has: the logarithm of each class's share of the training images is taken off its logit (logit
/// adjustment; Menon et al., "Long-tail learning via logit adjustment", 2021). Training goes on from the weights as they are.
/// </summary>
internal sealed class ClassBalance
{
    private readonly Weights _weights;
    private readonly string _biases;
    private readonly float[] _logShares;

    /// <exception cref="ArgumentException">The network's classifier has no biases.</exception>
    /// <exception cref="RiffleException">The data set does not say how many images each class has.</exception>
    public ClassBalance(Weights weights, Dataset data)
    {
        var counts = data.Info.TrainPerClass;
        if (counts.IsEmpty)
            throw new RiffleException($"{data.Directory}: an older Riffle wrote the data set without the number of images of each class, which balanced training needs; prepare it again");
        _biases = weights.Network.Layers[^1].Parameters.FirstOrDefault(p => p.Kind != ParameterKind.Kernel)?.Name
            ?? throw new AdvisedArgumentException($"{weights.Network.Name}: balanced training changes the biases of the classifier, but it has none.")
            {
                CommandLineAdvice = "Leave out --balance.",
            };
        _weights = weights;

        // A class without images is treated as if it had one.
        _logShares = [.. counts.Select(count => (float)PortableMath.Log(Math.Max(1, count) / (double)data.Count(Split.Train)))];
    }

    /// <summary>Does something with the balanced weights. After that, they are what they were, bit for bit.</summary>
    public void Apply(Action work)
    {
        var kept = _weights[_biases].ToArray();
        for (var c = 0; c < kept.Length; c++)
            _weights[_biases][c] -= _logShares[c];
        try
        {
            work();
        }
        finally
        {
            kept.CopyTo(_weights[_biases]);
        }
    }
}
