using System.Collections.Immutable;
using Riffle.Execution;
using Riffle.Networks;

namespace Riffle.Evaluation;

/// <summary>How much each part of an image speaks for a class, on the grid of the network's last planes.</summary>
/// <param name="Width">Columns of the grid.</param>
/// <param name="Height">Rows of the grid.</param>
/// <param name="Values">Height × width values, row by row from the top, in units of the logit: positive for the class, negative against it.</param>
/// <param name="Rest">The logit less the mean of the values. With a classifier directly behind the pool it is the bias of the class.</param>
public sealed record HeatMap(int Width, int Height, ImmutableArray<float> Values, double Rest);

/// <summary>
/// Class activation maps (Zhou et al., "Learning Deep Features for Discriminative Localization", 2016). A network that ends in a mean over positions and a
/// classifier gives each position its share of the logit: the mean of a map plus the bias is the logit. Where hidden layers lie between, as in MobileNet v3,
/// the gradient of the logit at the image's own features takes the classifier's place, and a map is an approximation.
/// </summary>
/// <remarks>One thread at a time may use an instance.</remarks>
public sealed class HeatMaps : IDisposable
{
    private readonly Model _model;
    private readonly ImmutableArray<Layer> _head;
    private readonly Shape _shape;
    private readonly Func<int, float[]>[] _parameters;
    private readonly float[] _planes;
    private readonly InferencePlan _plan;

    /// <summary>Creates it for a model.</summary>
    /// <param name="model">The network. Its current weights are used.</param>
    /// <param name="threads">Threads that may share an image; 0: one per core.</param>
    /// <exception cref="RiffleException">The network does not end in a mean over positions and layers behind it, or the mean is over a single position.</exception>
    public HeatMaps(Model model, int threads = 0)
    {
        _model = model;
        var layers = model.Weights.Network.Layers;
        var mean = layers.LastOrDefault(layer => layer.Operation.IsMean);
        _head = mean is null ? [] : [.. layers.Skip(mean.Index + 1)];
        if (mean is null || _head.Where((layer, i) => layer.Inputs is not [var input] || input != mean.Index + i).Any())
            throw new RiffleException($"{model.Name}: there are no heat maps of this network, because it does not end in a mean over all positions and a classifier.");
        _shape = layers[mean.Inputs[0]].Output;
        if (_shape.Height * _shape.Width == 1)
            throw new RiffleException($"{model.Name}: there are no heat maps of this network, because its last planes have a single position. Train it with larger images.");
        _parameters =
        [
            .. _head.Select(layer =>
            {
                float[][] values = [.. layer.Parameters.Select(parameter => model.Weights[parameter.Name].ToArray())];
                return (Func<int, float[]>)(i => values[i]);
            }),
        ];
        _ = Head(new double[_shape.Channels]);
        _planes = new float[_shape.Elements];
        _plan = new(NetworkPart.UpTo(model.Weights, mean.Inputs[0]), batch: 1, threads);
    }

    /// <summary>The map of an image that has the network's size.</summary>
    /// <param name="pixels">S×S×3 bytes, row by row, red first; S is <see cref="Model.ImageSize"/> of the model.</param>
    /// <param name="label">The class, as an index of the model's classes.</param>
    /// <exception cref="ArgumentException">The number of pixels is wrong, or there is no such class.</exception>
    public HeatMap Of(ReadOnlySpan<byte> pixels, int label)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)label, (uint)_model.Classes.Count);
        _plan.Run(pixels, 1, _model.Normalisation, _planes);
        var positions = _shape.Height * _shape.Width;
        var pooled = new double[_shape.Channels];
        for (var c = 0; c < pooled.Length; c++)
        {
            foreach (var value in _planes.AsSpan(c * positions, positions))
                pooled[c] += (double)value / positions;
        }

        var (logit, slopes) = Slopes(pooled, label);
        var map = new double[positions];
        for (var c = 0; c < slopes.Length; c++)
        {
            for (var i = 0; i < positions; i++)
                map[i] += slopes[c] * _planes[c * positions + i];
        }

        return new(_shape.Width, _shape.Height, [.. map.Select(value => (float)value)], logit - map.Average());
    }

    /// <inheritdoc/>
    public void Dispose() => _plan.Dispose();

    /// <summary>The logit of a class, and its gradient with respect to the pooled features.</summary>
    private (double Logit, double[] Gradient) Slopes(double[] pooled, int label)
    {
        var steps = Head(pooled);
        var gradient = new double[_model.Classes.Count];
        gradient[label] = 1;
        var logit = (steps.Count == 0 ? pooled : steps[^1].Output)[label];
        for (var i = steps.Count - 1; i >= 0; i--)
            gradient = steps[i].Back(gradient);
        return (logit, gradient);
    }

    private List<VectorStep> Head(double[] value)
    {
        var steps = new List<VectorStep>();
        foreach (var (layer, parameter) in _head.Zip(_parameters))
        {
            var step = layer.Operation.OnVector(value, parameter)
                ?? throw new RiffleException($"{_model.Name}: there are no heat maps of this network, because of its layer {layer.Name}.");
            steps.Add(step);
            value = step.Output;
        }

        return steps;
    }
}
