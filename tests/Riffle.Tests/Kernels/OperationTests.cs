using Riffle.Kernels;
using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Tests.Kernels;

/// <summary>
/// Every operation, at every vector width, over awkward shapes: forward against the oracle, backward against finite differences of the oracle.
/// Inputs are shuffled planes with batch norm and ReLU pending on them, in a block whose last lanes are unused.
/// </summary>
public unsafe class OperationTests
{
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

    /// <summary>What is not 3×3 with a border of 1 and a stride of 1 or 2.</summary>
    private static readonly (int C, int H, int W, int Kernel, int Stride, Border Border, int Images)[] OddWindowShapes =
    [
        (3, 7, 7, 5, 1, new(2, 2, 2, 2), 16), (5, 9, 8, 5, 2, new(2, 2, 2, 2), 13), (2, 1, 1, 5, 1, new(2, 2, 2, 2), 16), (1, 2, 1, 5, 2, new(2, 2, 2, 2), 1),
        (2, 1, 1, 1, 1, default, 5), (3, 5, 4, 1, 2, default, 16), (2, 6, 7, 2, 2, default, 9), (1, 2, 2, 2, 1, new(1, 1, 0, 0), 16),
        (3, 6, 5, 3, 1, default, 15),
        (2, 8, 8, 3, 2, new(0, 0, 1, 1), 16), (4, 5, 9, 3, 1, new(2, 0, 0, 2), 3), (2, 7, 8, 3, 3, new(0, 1, 2, 0), 16), (2, 9, 7, 5, 2, new(1, 2, 3, 4), 13),
        (1, 9, 11, 7, 2, new(3, 3, 3, 3), 16), (2, 7, 7, 7, 1, default, 2), (1, 4, 10, 4, 4, new(0, 3, 0, 3), 16), (1, 5, 6, 6, 1, new(5, 4, 3, 2), 16),
        (2, 9, 4, 2, 3, default, 11), (1, 12, 12, 11, 1, new(5, 5, 5, 5), 7),
    ];

    private static readonly (int O, int H, int W, int Stride, int Images)[] StemShapes =
        [(1, 5, 5, 1, 16), (24, 7, 9, 2, 13), (7, 1, 1, 1, 3), (6, 11, 6, 1, 16), (8, 8, 8, 2, 16)];

    public static TheoryData<string, int> Pointwise => Cases(PointwiseShapes.Length);

    public static TheoryData<string, int> Windows => Cases(WindowShapes.Length);

    public static TheoryData<string, int> OddWindows => Cases(OddWindowShapes.Length);

    public static TheoryData<string, int> Stems => Cases(StemShapes.Length);

    [Theory]
    [MemberData(nameof(Pointwise))]
    public void PointwiseConvolution(string width, int shape) => VectorWidths.Run(width, new PointwiseBody(shape));

    [Theory]
    [MemberData(nameof(Windows))]
    public void DepthwiseConvolution(string width, int shape) => VectorWidths.Run(width, new DepthwiseBody(shape));

    [Theory]
    [MemberData(nameof(OddWindows))]
    public void DepthwiseConvolutionOfAnyWindow(string width, int shape) => VectorWidths.Run(width, new OddDepthwiseBody(shape));

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

    [Theory]
    [MemberData(nameof(Windows))]
    public void Activation(string width, int shape) => VectorWidths.Run(width, new ActivationBody(shape));

    [Theory]
    [MemberData(nameof(Windows))]
    public void ChannelScaling(string width, int shape) => VectorWidths.Run(width, new ScalingBody(shape));

    [Fact]
    public void MaxPoolGivesATieToTheFirst()
    {
        using var memory = new PlaneMemory(16, (1, 3, 3), (1, 2, 2));
        memory.Planes.Scale[0] = 0;
        var kernel = new MaxPoolKernel { Window = Window(memory, 1, 3, 3, 2, out _) };
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
            OperationCheck.Run(memory, order, kernel.Scratch, values, Oracle.Convolution(o, 1, 1, groups),
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
            OperationCheck.Run(memory, order, kernel.Scratch, values, Oracle.Convolution(c, 3, stride, c),
                (in p, in b, s) => kernel.Forward<TVec>(p, b, s, gatherSums: true),
                (in p, in b, s, dw, writes) => kernel.Backward<TVec>(p, b, s, dw, accumulate: false, writes), gathersSums: true, wantsInput: true);
        }
    }

    private sealed class OddDepthwiseBody(int shape) : IVectorBody
    {
        public void Run<TVec>()
            where TVec : unmanaged, IVec<TVec>
        {
            var (c, h, w, k, stride, border, images) = OddWindowShapes[shape];
            var window = new Window { Channels = c, Height = h, Width = w, Kernel = k, Stride = stride, Lanes = Lanes.Count, Border = border };
            using var memory = new PlaneMemory(images, (c, h, w), (c, window.OutputHeight, window.OutputWidth));
            window = window with { Input = memory.ShuffledPlanes(0, out var order), Output = memory.FirstPlane(1) };
            var kernel = new DepthwiseConvolution { Window = window, Weights = memory.RandomFloats(k * k * c, out var values), WeightStride = k * k };
            var oracle = Oracle.Convolution(c, k, stride, c, new(border.Top, border.Left, border.Bottom, border.Right));
            OperationCheck.Run(memory, order, kernel.Scratch, values, oracle,
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
            OperationCheck.Run(memory, order, kernel.Scratch, [], Oracle.AveragePool(c, stride),
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
            var kernel = new MaxPoolKernel { Window = Window(memory, c, h, w, stride, out var order) };
            OperationCheck.Run(memory, order, kernel.Scratch, [], Oracle.MaxPool(stride),
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
            OperationCheck.Run(memory, order, kernel.Scratch, values, Oracle.Convolution(o, 3, stride, 1),
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
            var kernel = new GlobalAveragePoolKernel { Input = planes, Output = memory.FirstPlane(1), Channels = c, PlaneSize = h * w * Lanes.Count };
            OperationCheck.Run(memory, order, kernel.Scratch, [], Oracle.GlobalAveragePool(),
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
            OperationCheck.Run(memory, order, kernel.Scratch, [], Oracle.Add(other),
                (in p, in b, _) => kernel.Forward<TVec>(p, b),
                (in p, in b, s, _, writes) => kernel.Backward<TVec>(p, b, s, writes, rightWrites), gathersSums: false, wantsInput: true);
            Close.Assert(memory.RawGradient(1).Values, memory.Gradient(2, rightOrder).Values, 10 * OperationCheck.Tolerance, "db");
        }
    }

    /// <summary>Values lie between about −8 and 8, so that both ends of the hard functions are passed.</summary>
    private sealed class ActivationBody(int shape) : IVectorBody
    {
        public void Run<TVec>()
            where TVec : unmanaged, IVec<TVec>
        {
            Run<TVec, HardSwish<TVec>>(ActivationKind.HardSwish);
            Run<TVec, HardSigmoid<TVec>>(ActivationKind.HardSigmoid);
            Run<TVec, Sigmoid<TVec>>(ActivationKind.Sigmoid);
            Run<TVec, Silu<TVec>>(ActivationKind.Silu);
        }

        private void Run<TVec, TFunction>(ActivationKind kind)
            where TVec : unmanaged, IVec<TVec>
            where TFunction : IFunction<TVec>
        {
            var (c, h, w, _, images) = WindowShapes[shape];
            using var memory = new PlaneMemory(images, (c, h, w), (c, h, w));
            for (var plane = 0; plane < c; plane++)
                memory.Planes.Scale[plane] *= 8;
            var planes = memory.ShuffledPlanes(0, out var order);
            var kernel = new ActivationKernel { Input = planes, Output = memory.FirstPlane(1), Channels = c, PlaneSize = h * w * Lanes.Count };
            OperationCheck.Run(memory, order, kernel.Scratch, [], Oracle.Activation(kind),
                (in p, in b, _) => kernel.Forward<TVec, TFunction>(p, b),
                (in p, in b, s, _, writes) => kernel.Backward<TVec, TFunction>(p, b, s, writes), gathersSums: false, wantsInput: true);
        }
    }

    /// <summary>To the oracle the factors are weights, one for each channel of each image.</summary>
    private sealed class ScalingBody(int shape) : IVectorBody
    {
        public void Run<TVec>()
            where TVec : unmanaged, IVec<TVec>
        {
            var (c, h, w, _, images) = WindowShapes[shape];
            using var memory = new PlaneMemory(images, (c, h, w), (c, h, w), (c, 1, 1));
            var factors = memory.ShuffledPlanes(2, out var factorOrder);
            new Span<int>(factors, c).Reverse();
            Array.Reverse(factorOrder);
            var factorWrites = memory.Allocate<GradientWrite>(c);
            var planes = memory.ShuffledPlanes(0, out var order);
            var kernel = new ChannelScaling { Input = planes, Factors = factors, Output = memory.FirstPlane(1), Channels = c, PlaneSize = h * w * Lanes.Count };
            OperationCheck.Run(memory, order, kernel.Scratch, memory.Value(2, factorOrder).Values, Oracle.Scale(),
                (in p, in b, _) => kernel.Forward<TVec>(p, b),
                (in p, in b, s, ds, writes) =>
                {
                    kernel.Backward<TVec>(p, b, s, writes, factorWrites);
                    var gradient = memory.Gradient(2, factorOrder).Values;
                    for (var i = 0; i < gradient.Length; i++)
                        ds[i] = (float)gradient[i];
                }, gathersSums: false, wantsInput: true);
        }
    }
}
