using Riffle.Kernels;
using Riffle.Simd;

namespace Riffle.Tests.Kernels;

/// <summary>
/// Every operation, at every vector width, over awkward shapes: forward against the oracle, backward against finite differences of the oracle.
/// Inputs are shuffled planes with batch norm and ReLU pending on them, in a block whose last lanes are unused.
/// </summary>
public unsafe class OperationTests
{
    private const double Tolerance = 2e-5;

    /// <summary>What a kernel under test is: its two directions and its oracle.</summary>
    private delegate void Forward(in Planes planes, in Block block, float* scratch);

    private delegate void Backward(in Planes planes, in Block block, float* scratch, float* weightGradient, GradientWrite* writes);

    private static readonly (int C, int O, int Groups, int H, int W, int Images)[] PointwiseShapes =
    [
        (1, 1, 1, 1, 1, 16), (7, 5, 1, 3, 5, 13), (60, 20, 1, 1, 3, 1), (40, 60, 2, 5, 5, 16), (60, 60, 3, 2, 7, 9),
        (24, 96, 8, 3, 3, 15), (1, 13, 1, 9, 4, 5), (130, 6, 1, 4, 4, 16),
    ];

    private static readonly (int C, int H, int W, int Stride, int Images)[] WindowShapes =
    [
        (1, 1, 1, 1, 16), (1, 1, 1, 2, 3), (3, 5, 7, 1, 13), (3, 5, 7, 2, 13), (2, 8, 8, 2, 16),
        (4, 3, 1, 1, 1), (5, 2, 9, 2, 15), (2, 14, 14, 1, 16), (2, 7, 7, 2, 16),
    ];

    private static readonly (int O, int H, int W, int Stride, int Images)[] StemShapes =
        [(1, 5, 5, 1, 16), (24, 7, 9, 2, 13), (7, 1, 1, 1, 3), (6, 11, 6, 1, 16), (8, 8, 8, 2, 16)];

    public static TheoryData<string, int> Pointwise => Cases(PointwiseShapes.Length);

    public static TheoryData<string, int> Windows => Cases(WindowShapes.Length);

    public static TheoryData<string, int> Stems => Cases(StemShapes.Length);

    [Theory]
    [MemberData(nameof(Pointwise))]
    public void PointwiseConvolution(string width, int shape) => VectorWidths.Run(width, new PointwiseBody(shape));

    [Theory]
    [MemberData(nameof(Windows))]
    public void DepthwiseConvolution(string width, int shape) => VectorWidths.Run(width, new DepthwiseBody(shape));

    [Theory]
    [MemberData(nameof(Windows))]
    public void AveragePool(string width, int shape) => VectorWidths.Run(width, new AveragePoolBody(shape));

    [Theory]
    [MemberData(nameof(Windows))]
    public void MaxPool(string width, int shape) => VectorWidths.Run(width, new MaxPoolBody(shape));

    [Theory]
    [MemberData(nameof(Stems))]
    public void DenseConvolution(string width, int shape) => VectorWidths.Run(width, new DenseBody(shape));

    [Theory]
    [MemberData(nameof(Windows))]
    public void GlobalAveragePool(string width, int shape) => VectorWidths.Run(width, new GlobalAverageBody(shape));

    [Theory]
    [MemberData(nameof(Windows))]
    public void Addition(string width, int shape) => VectorWidths.Run(width, new AdditionBody(shape));

    [Fact]
    public void MaxPoolGivesATieToTheFirst()
    {
        using var memory = new PlaneMemory(16, (1, 3, 3), (1, 2, 2));
        memory.Planes.Scale[0] = 0;
        var kernel = new Riffle.Kernels.MaxPool { Window = Window(memory, 1, 3, 3, 2, out _) };
        var scratch = memory.Allocate<float>(kernel.Scratch);
        var writes = memory.Allocate<GradientWrite>(1);
        kernel.Forward<VecScalar>(memory.Planes, memory.Block);
        kernel.Backward<VecScalar>(memory.Planes, memory.Block, scratch, writes);
        var (dy, dx) = (memory.RawGradient(1), memory.Gradient(0));

        // All nine are equal: the four windows begin at (0, 0), (0, 1), (1, 0) and (1, 1) of what is not padding.
        Assert.Equal(dy[2, 0, 0, 0], dx[2, 0, 0, 0], 1e-6);
        Assert.Equal(dy[2, 0, 0, 1], dx[2, 0, 0, 1], 1e-6);
        Assert.Equal(dy[2, 0, 1, 0], dx[2, 0, 1, 0], 1e-6);
        Assert.Equal(dy[2, 0, 1, 1], dx[2, 0, 1, 1], 1e-6);
        Assert.Equal(0, dx[2, 0, 2, 2]);
    }

    private static TheoryData<string, int> Cases(int shapes) => VectorWidths.With(Enumerable.Range(0, shapes));

    /// <summary>Runs both directions of an operation with one input (tensor 0) and one output (tensor 1), and compares with the oracle.</summary>
    private static void Check(
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

    /// <summary>Windows over tensor 0, in shuffled order, that write tensor 1.</summary>
    private static Window Window(PlaneMemory memory, int channels, int height, int width, int stride, out int[] order) => new()
    {
        Input = memory.ShuffledPlanes(0, out order),
        Output = memory.FirstPlane(1),
        Channels = channels,
        Height = height,
        Width = width,
        Stride = stride,
        Lanes = Lanes.Count,
    };

    private static (int Height, int Width) Strided(int height, int width, int stride) => ((height - 1) / stride + 1, (width - 1) / stride + 1);

    private sealed class PointwiseBody(int shape) : IVectorBody
    {
        public void Run<TVec>()
            where TVec : unmanaged, IVec<TVec>
        {
            var (c, o, groups, h, w, images) = PointwiseShapes[shape];
            using var memory = new PlaneMemory(images, (c, h, w), (o, h, w));
            var weights = memory.RandomFloats(o * c / groups, out var values);
            var kernel = new PointwiseConvolution
            {
                Input = memory.ShuffledPlanes(0, out var order),
                Output = memory.FirstPlane(1),
                InputChannels = c,
                OutputChannels = o,
                Groups = groups,
                PlaneSize = h * w * Lanes.Count,
                Packed = memory.Allocate<float>(values.Length),
                PackedTransposed = memory.Allocate<float>(values.Length),
            };
            kernel = kernel with { Offsets = memory.Copy(kernel.ChunkOffsets()) };
            kernel.Pack(weights);
            Check(memory, order, kernel.Scratch, values, Oracle.Convolution(o, 1, 1, groups),
                (in p, in b, s) => kernel.Forward<TVec>(p, b, s, gatherSums: true),
                (in p, in b, s, dw, writes) => kernel.Backward<TVec>(p, b, s, dw, accumulate: false, writes), gathersSums: true, wantsInput: true);
        }
    }

    private sealed class DepthwiseBody(int shape) : IVectorBody
    {
        public void Run<TVec>()
            where TVec : unmanaged, IVec<TVec>
        {
            var (c, h, w, stride, images) = WindowShapes[shape];
            var (outputH, outputW) = Strided(h, w, stride);
            using var memory = new PlaneMemory(images, (c, h, w), (c, outputH, outputW));
            var window = Window(memory, c, h, w, stride, out var order);
            var kernel = new DepthwiseConvolution { Window = window, Weights = memory.RandomFloats(9 * c, out var values), WeightStride = 9 };
            Check(memory, order, kernel.Scratch, values, Oracle.Convolution(c, 3, stride, c),
                (in p, in b, s) => kernel.Forward<TVec>(p, b, s, gatherSums: true),
                (in p, in b, s, dw, writes) => kernel.Backward<TVec>(p, b, s, dw, accumulate: false, writes), gathersSums: true, wantsInput: true);
        }
    }

    private sealed class AveragePoolBody(int shape) : IVectorBody
    {
        public void Run<TVec>()
            where TVec : unmanaged, IVec<TVec>
        {
            var (c, h, w, stride, images) = WindowShapes[shape];
            var (outputH, outputW) = Strided(h, w, stride);
            using var memory = new PlaneMemory(images, (c, h, w), (c, outputH, outputW));
            var ninths = memory.Allocate<float>(9);
            new Span<float>(ninths, 9).Fill(1f / 9);
            var kernel = new DepthwiseConvolution { Window = Window(memory, c, h, w, stride, out var order), Weights = ninths };
            Check(memory, order, kernel.Scratch, [], Oracle.AveragePool(c, stride),
                (in p, in b, s) => kernel.Forward<TVec>(p, b, s, gatherSums: false),
                (in p, in b, s, _, writes) => kernel.Backward<TVec>(p, b, s, null, accumulate: false, writes), gathersSums: false, wantsInput: true);
        }
    }

    private sealed class MaxPoolBody(int shape) : IVectorBody
    {
        public void Run<TVec>()
            where TVec : unmanaged, IVec<TVec>
        {
            var (c, h, w, stride, images) = WindowShapes[shape];
            var (outputH, outputW) = Strided(h, w, stride);
            using var memory = new PlaneMemory(images, (c, h, w), (c, outputH, outputW));

            // Where ReLU makes a tie of a whole window the slope is not defined, so nothing is cut off here; the tie has a test of its own.
            for (var plane = 0; plane < c; plane++)
                memory.Planes.Clamp[plane] = Clamp.None;
            var kernel = new Riffle.Kernels.MaxPool { Window = Window(memory, c, h, w, stride, out var order) };
            Check(memory, order, kernel.Scratch, [], Oracle.MaxPool(stride),
                (in p, in b, _) => kernel.Forward<TVec>(p, b),
                (in p, in b, s, _, writes) => kernel.Backward<TVec>(p, b, s, writes), gathersSums: false, wantsInput: true);
        }
    }

    private sealed class DenseBody(int shape) : IVectorBody
    {
        public void Run<TVec>()
            where TVec : unmanaged, IVec<TVec>
        {
            var (o, h, w, stride, images) = StemShapes[shape];
            var (outputH, outputW) = Strided(h, w, stride);
            using var memory = new PlaneMemory(images, (3, h, w), (o, outputH, outputW));
            var weights = memory.RandomFloats(o * 27, out var values);
            var window = Window(memory, 3, h, w, stride, out var order);
            var kernel = new DenseConvolution { Window = window, OutputChannels = o, Packed = memory.Allocate<float>(values.Length) };
            kernel = kernel with { Offsets = memory.Copy(kernel.TapOffsets()), RowOffsets = memory.Copy(kernel.GradientRowOffsets()) };
            kernel.Pack(weights);
            Check(memory, order, kernel.Scratch, values, Oracle.Convolution(o, 3, stride, 1),
                (in p, in b, s) => kernel.Forward<TVec>(p, b, s, gatherSums: true),
                (in p, in b, s, dw, _) => kernel.Backward<TVec>(p, b, s, dw, accumulate: false), gathersSums: true, wantsInput: false);
        }
    }

    private sealed class GlobalAverageBody(int shape) : IVectorBody
    {
        public void Run<TVec>()
            where TVec : unmanaged, IVec<TVec>
        {
            var (c, h, w, _, images) = WindowShapes[shape];
            using var memory = new PlaneMemory(images, (c, h, w), (c, 1, 1));
            var planes = memory.ShuffledPlanes(0, out var order);
            var kernel = new Riffle.Kernels.GlobalAveragePool { Input = planes, Output = memory.FirstPlane(1), Channels = c, PlaneSize = h * w * Lanes.Count };
            Check(memory, order, kernel.Scratch, [], Oracle.GlobalAveragePool(),
                (in p, in b, _) => kernel.Forward<TVec>(p, b),
                (in p, in b, s, _, writes) => kernel.Backward<TVec>(p, b, s, writes), gathersSums: false, wantsInput: true);
        }
    }

    private sealed class AdditionBody(int shape) : IVectorBody
    {
        public void Run<TVec>()
            where TVec : unmanaged, IVec<TVec>
        {
            var (c, h, w, _, images) = WindowShapes[shape];
            using var memory = new PlaneMemory(images, (c, h, w), (c, h, w), (c, h, w));
            var right = memory.ShuffledPlanes(2, out var rightOrder);
            var other = memory.Value(2, rightOrder);
            var rightWrites = memory.Allocate<GradientWrite>(c);
            var left = memory.ShuffledPlanes(0, out var order);
            var kernel = new Addition { Left = left, Right = right, Output = memory.FirstPlane(1), Channels = c, PlaneSize = h * w * Lanes.Count };
            Check(memory, order, kernel.Scratch, [], Oracle.Add(other),
                (in p, in b, _) => kernel.Forward<TVec>(p, b),
                (in p, in b, s, _, writes) => kernel.Backward<TVec>(p, b, s, writes, rightWrites), gathersSums: false, wantsInput: true);
            Close.Assert(memory.RawGradient(1).Values, memory.Gradient(2, rightOrder).Values, 10 * Tolerance, "db");
        }
    }
}
