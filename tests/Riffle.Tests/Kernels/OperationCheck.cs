using Riffle.Kernels;

namespace Riffle.Tests.Kernels;

/// <summary>Both directions of a kernel of training against its oracle, whose backward is held against finite differences of its forward.</summary>
internal static unsafe class OperationCheck
{
    public const double Tolerance = 2e-5;

    public delegate void Forward(in Planes planes, in Block block, float* scratch);

    public delegate void Backward(in Planes planes, in Block block, float* scratch, float* weightGradient, GradientWrite* writes);

    /// <summary>Runs both directions of an operation with one input (tensor 0) and one output (tensor 1), and compares with the oracle.</summary>
    public static void Run(
        PlaneMemory memory,
        int[] order,
        long scratch,
        double[] weights,
        Operation oracle,
        Forward forward,
        Backward backward,
        bool gathersSums,
        bool wantsInput)
    {
        var room = memory.Allocate<float>(scratch);
        new Span<float>(room, (int)scratch).Fill(float.NaN);
        forward(memory.Planes, memory.Block, room);
        var input = memory.Value(0, order);
        var expected = oracle.Forward(input, weights);
        Close.Assert(expected.Values, memory.Raw(1).Values, Tolerance, "y");
        if (gathersSums)
        {
            var raw = memory.Raw(1);
            for (var which = 0; which < 2; which++)
            {
                var sums = new double[raw.Channels];
                double Power(double value) => which == 0 ? value : value * value;
                Volume.Create(raw.Images, raw.Channels, raw.Height, raw.Width, (n, c, y, x) => sums[c] += Power(raw[n, c, y, x]));
                Close.Assert(sums, memory.Sums(1, which), Tolerance, which == 0 ? "Σy" : "Σy²");
            }
        }

        var dy = memory.RawGradient(1);
        var (dx, dw) = Gradients(oracle, input, weights, dy);
        var before = memory.Gradient(0, order);
        var weightGradient = memory.Allocate<float>(Math.Max(1, weights.Length));
        var writes = memory.Allocate<GradientWrite>(order.Length);
        for (var c = 0; c < order.Length; c++)
            writes[c] = (GradientWrite)(c % 4) | (c % 8 < 4 ? GradientWrite.Store : GradientWrite.NonTemporal);
        new Span<float>(room, (int)scratch).Fill(float.NaN);
        backward(memory.Planes, memory.Block, room, weightGradient, writes);

        Close.Assert(dw, Close.Doubles(weightGradient, weights.Length), 10 * Tolerance, "dw");
        if (!wantsInput)
            return;
        var mask = memory.Mask(0, order);
        var perChannel = input.Height * input.Width;
        for (var i = 0; i < dx.Length; i++)
        {
            var write = writes[i / perChannel % order.Length];
            dx[i] += (write & GradientWrite.Accumulate) != 0 ? before.Values[i] : 0;
            dx[i] *= (write & GradientWrite.Final) != 0 ? mask.Values[i] : 1;
        }

        Close.Assert(dx, memory.Gradient(0, order).Values, 10 * Tolerance, "dz");
        CheckGradientSums(memory, order, writes, dx, perChannel);
    }

    private static void CheckGradientSums(PlaneMemory memory, int[] order, GradientWrite* writes, double[] dz, int perChannel)
    {
        var raw = memory.Raw(0);
        for (var c = 0; c < order.Length; c++)
        {
            if ((writes[c] & GradientWrite.Final) == 0)
                continue;
            double sum = 0, products = 0;
            for (var n = 0; n < raw.Images; n++)
            {
                for (var i = 0; i < perChannel; i++)
                {
                    var value = dz[(n * order.Length + c) * perChannel + i];
                    sum += value;
                    products += value * (raw.Values[(n * order.Length + order[c]) * perChannel + i] - memory.Planes.Mean[memory.FirstPlane(0) + order[c]]);
                }
            }

            Close.Assert([sum, products], [memory.Sums(0, 0)[order[c]], memory.Sums(0, 1)[order[c]]], 20 * Tolerance, $"Σdz, Σdz·(x − mean) of channel {c}");
        }
    }

    /// <summary>The oracle's gradients of Σ y·dy, of which a few are checked against central differences of its forward.</summary>
    private static (double[] X, double[] Weights) Gradients(Operation oracle, Volume input, double[] weights, Volume dy)
    {
        var dx = new Volume(input.Images, input.Channels, input.Height, input.Width);
        var dw = new double[weights.Length];
        oracle.Backward(input, weights, dy, dx, dw);
        double Objective() => oracle.Forward(input, weights).Values.Zip(dy.Values, (a, b) => a * b).Sum();
        foreach (var (variables, slopes) in new[] { (input.Values, dx.Values), (weights, dw) })
        {
            for (var sample = 0; sample < Math.Min(5, variables.Length); sample++)
            {
                const double Step = 1e-6;
                var i = (int)((long)sample * 7919 % variables.Length);
                var value = variables[i];
                variables[i] = value + Step;
                var up = Objective();
                variables[i] = value - Step;
                var down = Objective();
                variables[i] = value;
                Assert.Equal((up - down) / (2 * Step), slopes[i], 1e-4 * Math.Max(1, Math.Abs(slopes[i])));
            }
        }

        return (dx.Values, dw);
    }
}
