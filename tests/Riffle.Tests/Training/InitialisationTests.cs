using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Training;

namespace Riffle.Tests.Training;

public class InitialisationTests
{
    [Theory]
    [InlineData(InitialisationKind.Xavier)]
    [InlineData(InitialisationKind.He)]
    public void Kernels_have_the_spread_of_their_connections_and_all_else_is_as_it_was(InitialisationKind kind)
    {
        var network = NetworkCatalogue.Build(NetworkCatalogue.Resolve("shufflenet-v1-g3-x1.0"));
        var (weights, untouched) = (Filled(network, kind, 5), new Weights(network));
        foreach (var layer in network.Layers)
        {
            foreach (var p in layer.Parameters)
            {
                if (p.Kind != ParameterKind.Kernel)
                {
                    Assert.Equal(untouched[p.Name].ToArray(), weights[p.Name].ToArray());
                    continue;
                }

                var (inputs, outputs, window) = layer.Operation is Convolution c
                    ? (network.Layers[layer.Inputs[0]].Output.Channels / c.Groups, c.OutputChannels / c.Groups, c.Kernel * c.Kernel)
                    : (p.Shape[1], p.Shape[0], 1);
                var deviation = Math.Sqrt(kind == InitialisationKind.Xavier ? 2.0 / ((inputs + outputs) * window) : 2.0 / (inputs * window));
                var values = weights[p.Name].ToArray();
                var measured = Math.Sqrt(values.Average(v => (double)v * v));
                Assert.InRange(measured / deviation, 1 - 4 / Math.Sqrt(values.Length), 1 + 4 / Math.Sqrt(values.Length));
                if (kind == InitialisationKind.Xavier)
                    Assert.All(values, v => Assert.InRange(Math.Abs(v), 0, deviation * Math.Sqrt(3) * 1.000001));
            }
        }
    }

    [Fact]
    public void The_seed_decides()
    {
        var network = OptimiserTests.SmallNetwork();
        var weights = Filled(network, InitialisationKind.Xavier, 1);
        Assert.Equal(weights.Trained.ToArray(), Filled(network, InitialisationKind.Xavier, 1).Trained.ToArray());
        Assert.NotEqual(weights["conv.weight"].ToArray(), Filled(network, InitialisationKind.Xavier, 2)["conv.weight"].ToArray());
        Assert.Equal(weights["conv.weight"].Length, weights["conv.weight"].ToArray().Distinct().Count());
    }

    private static Weights Filled(Network network, InitialisationKind kind, ulong seed)
    {
        var weights = new Weights(network);
        Initialisation.Fill(weights, kind, seed);
        return weights;
    }
}
