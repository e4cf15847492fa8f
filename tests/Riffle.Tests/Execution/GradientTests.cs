using Riffle.Execution;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Simd;
using Riffle.Tests.Networks;
using Riffle.Training;

namespace Riffle.Tests.Execution;

/// <summary>
/// A training step's gradients against central differences of the loss, which <see cref="NaiveNetwork"/> computes in double precision: there a step of
/// 1e-7 is far above rounding and far below curvature, so what remains is the plan's own rounding.
/// </summary>
public class GradientTests
{
    private const float Smoothing = 0.1f;

    /// <summary>Of a gradient's length: rounding of sums over images and positions, which batch norm of few values magnifies.</summary>
    private const double Tolerance = 5e-4;

    public static TheoryData<string> Names => [.. SmallNetworks.Names];

    /// <summary>Whole networks, along the gradient and along a few directions that are as much chance as gradient.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Gradients_are_slopes_of_the_loss(string name)
    {
        var weights = new Weights(NetworkCatalogue.Build(NetworkCatalogue.Resolve(name, imageSize: 20, classes: 10)));
        Initialisation.Fill(weights, InitialisationKind.He, 3);
        var step = Step(weights, images: 6, VectorLevels.Best);
        var random = new Random(5);
        for (var trial = 0; trial < 3; trial++)
        {
            var chance = trial * 2.0 / Math.Sqrt(step.Gradient.Length);
            step.AssertSlope([.. step.Gradient.Select(g => g / step.Norm + chance * (random.NextDouble() - 0.5))], $"{name}, direction {trial}");
        }
    }

    /// <summary>Each parameter alone, so that a small one's gradient can't hide behind a large one's; at a width of its own for each network.</summary>
    [Fact]
    public void Gradients_of_networks_made_at_random_are_slopes_of_the_loss_parameter_by_parameter()
    {
        const int Networks = 25;
        var trained = 0;
        for (var seed = 0; seed < Networks; seed++)
        {
            var weights = new Weights(RandomNetworks.Trainable(seed));
            Initialisation.Fill(weights, InitialisationKind.He, (ulong)seed);

            // Not zero, where ReLU of what is zero has no slope.
            foreach (var parameter in weights.Network.Parameters.Where(p => p.Kind is ParameterKind.NormBias or ParameterKind.Bias))
                weights[parameter.Name].Fill(0.1f);
            TrainingStep step;
            try
            {
                step = Step(weights, images: 5, VectorLevels.Available[seed % VectorLevels.Available.Count]);
            }
            catch (NotSupportedException)
            {
                continue; // a form that training refuses, by name
            }

            trained++;
            foreach (var parameter in weights.Network.Parameters.Where(p => p.IsTrained))
            {
                var direction = new double[step.Gradient.Length];
                var start = weights.OffsetOf(parameter);
                var values = step.Gradient[start..(start + parameter.Count)];
                var length = Math.Sqrt(values.Sum(g => (double)g * g));
                for (var i = 0; i < values.Length; i++)
                    direction[start + i] = length == 0 ? 1 / Math.Sqrt(values.Length) : values[i] / length;
                step.AssertSlope(direction, $"network {seed}, {parameter.Name}");
            }
        }

        Assert.InRange(trained, Networks / 2, Networks);
    }

    private static TrainingStep Step(Weights weights, int images, VectorLevel level)
    {
        var (pixels, labels) = TrainingPlanTests.Batch(weights.Network, images);
        using var plan = new TrainingPlan(weights, images, 2, level);
        var loss = plan.Step(pixels, labels, Smoothing).Loss;
        double[] start = [.. weights.Trained.ToArray().Select(value => (double)value)];
        var volume = TrainingPlanTests.Volume(weights.Network, pixels);
        double Loss(double[] trained) => NaiveNetwork.Loss(weights, trained, volume, labels, Smoothing);
        Assert.Equal(Loss(start), loss, 1e-5 * Math.Max(1, loss));
        return new(plan.Gradients.ToArray(), start, Loss);
    }

    private sealed record TrainingStep(float[] Gradient, double[] Start, Func<double[], double> Loss)
    {
        private const double H = 1e-7;

        public double Norm { get; } = Math.Sqrt(Gradient.Sum(g => (double)g * g));

        public void AssertSlope(double[] direction, string what)
        {
            double At(double step) => Loss([.. Start.Zip(direction, (start, d) => start + step * d)]);
            var slope = Gradient.Zip(direction, (g, d) => g * d).Sum();
            var measured = (At(H) - At(-H)) / (2 * H);
            var allowed = 1e-7 + Tolerance * Math.Max(Math.Abs(slope), 0.01 * Norm);
            Assert.True(Math.Abs(slope - measured) <= allowed, $"{what}: gradient {slope:G9}, slope {measured:G9}, may differ by {allowed:G2}");
        }
    }
}
