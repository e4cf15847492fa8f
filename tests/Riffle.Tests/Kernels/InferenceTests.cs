using Riffle.Execution;
using Riffle.Kernels;
using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Tests.Kernels;

/// <summary>
/// The inference form of every operation, for blocks of 16 images and of one, at every vector width, over awkward shapes: values against the oracle, and
/// nothing written where nothing may be (<see cref="InferenceMemory"/>). Inputs are shuffled planes.
/// </summary>
public unsafe class InferenceTests
{
    private static readonly (int C, int O, int Groups, int H, int W)[] PointwiseShapes =
    [
        (1, 1, 1, 1, 1), (23, 31, 1, 1, 1), (24, 96, 8, 1, 1), (7, 5, 1, 3, 7), (60, 20, 1, 1, 2), (40, 62, 2, 5, 4), (60, 57, 3, 3, 9), (1, 13, 1, 5, 17),
        (130, 11, 1, 14, 14), (100, 4, 2, 9, 17), (101, 37, 1, 5, 9), (200, 72, 2, 3, 7),
    ];

    private static readonly (int C, int H, int W, int Stride)[] WindowShapes =
    [
        .. from stride in (int[])[1, 2]
           from shape in ((int C, int H, int W)[])
               [(1, 1, 1), (13, 1, 1), (3, 3, 2), (2, 5, 4), (5, 7, 7), (3, 9, 9), (2, 7, 14), (3, 5, 17), (2, 2, 31), (1, 3, 56)]
           select (shape.C, shape.H, shape.W, stride),
    ];

    private static readonly (int O, int H, int W, int Stride)[] StemShapes =
    [
        (1, 1, 1, 1), (7, 1, 1, 2), (6, 3, 2, 1), (5, 5, 4, 2), (8, 7, 7, 2), (13, 9, 9, 1), (24, 7, 14, 2), (4, 5, 17, 1), (4, 11, 17, 2), (2, 5, 33, 2),
    ];

    public static TheoryData<string, int> Pointwise => Cases(PointwiseShapes.Length);

    public static TheoryData<string, int> Windows => Cases(WindowShapes.Length);

    public static TheoryData<string, int> Stems => Cases(StemShapes.Length);

    [Theory]
    [MemberData(nameof(Pointwise))]
    public void Pointwise_convolution(string width, int shape) => VectorWidths.Run(width, new PointwiseBody(shape));

    [Theory]
    [MemberData(nameof(Windows))]
    public void Depthwise_convolution(string width, int shape) => VectorWidths.Run(width, new DepthwiseBody(shape));

    [Theory]
    [MemberData(nameof(Windows))]
    public void Average_pool(string width, int shape) => VectorWidths.Run(width, new AveragePoolBody(shape));

    [Theory]
    [MemberData(nameof(Windows))]
    public void Max_pool(string width, int shape) => VectorWidths.Run(width, new MaxPoolBody(WindowShapes[shape]));

    [Theory]
    [MemberData(nameof(Stems))]
    public void Dense_convolution(string width, int shape) => VectorWidths.Run(width, new DenseBody(StemShapes[shape]));

    [Theory]
    [MemberData(nameof(Windows))]
    public void Global_average_pool(string width, int shape) => VectorWidths.Run(width, new GlobalAverageBody(shape));

    [Theory]
    [MemberData(nameof(Windows))]
    public void Addition(string width, int shape) => VectorWidths.Run(width, new AdditionBody(shape));

    [Theory]
    [MemberData(nameof(Windows))]
    public void Activation(string width, int shape) => VectorWidths.Run(width, new ActivationBody(shape));

    [Theory]
    [MemberData(nameof(Windows))]
    public void Channel_scaling(string width, int shape) => VectorWidths.Run(width, new ScalingBody(shape));

    private static TheoryData<string, int> Cases(int shapes) => VectorWidths.With(Enumerable.Range(0, shapes));

    /// <summary>Windows over tensor 0, in shuffled order, that write as many channels.</summary>
    private static (InferenceMemory Memory, Window Window, Volume Input) Slide(int lanes, (int C, int H, int W, int Stride) shape)
    {
        var (c, h, w, stride) = shape;
        var memory = new InferenceMemory(lanes, imagesFirst: false, (c, h, w), (c, (h - 1) / stride + 1, (w - 1) / stride + 1));
        return (memory, Window(memory, c, h, w, stride, lanes, out var input), input);
    }

    private static Window Window(InferenceMemory memory, int channels, int height, int width, int stride, int lanes, out Volume input)
    {
        var planes = memory.ShuffledPlanes(0);
        input = memory.Read(planes);
        return new()
        {
            Input = memory.Copy<int>(planes),
            Output = memory.Output,
            Channels = channels,
            Height = height,
            Width = width,
            Stride = stride,
            Lanes = lanes,
        };
    }

    /// <summary>A test of one shape, with 16 lanes and with one.</summary>
    private abstract class Body : IVectorBody
    {
        public void Run<TVec>()
            where TVec : unmanaged, IVec<TVec>
        {
            Run<TVec>(Lanes.Count);
            Run<TVec>(1);
        }

        protected abstract void Run<TVec>(int lanes)
            where TVec : unmanaged, IVec<TVec>;
    }

    private sealed class PointwiseBody(int shape) : Body
    {
        protected override void Run<TVec>(int lanes)
        {
            var (c, o, groups, h, w) = PointwiseShapes[shape];
            using var memory = new InferenceMemory(lanes, imagesFirst: false, (c, h, w), (o, h, w));
            var planes = memory.ShuffledPlanes(0);
            var weights = memory.RandomFloats(o * c / groups, out var values);
            var kernel = new PointwiseConvolution
            {
                Input = memory.Copy<int>(planes),
                Output = memory.Output,
                InputChannels = c,
                OutputChannels = o,
                Groups = groups,
                PlaneSize = h * w * lanes,
                Packed = memory.Allocate<float>(values.Length),
                Offsets = memory.OffsetsOf(planes),
            };
            kernel = kernel with { Parts = memory.Copy<long>(kernel.PartOffsets()) };
            kernel.Pack(weights);
            var expected = Oracle.Convolution(o, 1, 1, groups).Forward(memory.Read(planes), values);
            InferenceCheck.RunActivated<TVec>(memory, lanes, kernel.InferenceScratch, expected,
                (in all, data, scratch, function) => kernel.Infer<TVec>(all, data, scratch, memory.OutputStride, null, function));
        }
    }

    private sealed class DepthwiseBody(int shape) : Body
    {
        protected override void Run<TVec>(int lanes)
        {
            var (memory, window, input) = Slide(lanes, WindowShapes[shape]);
            using var disposed = memory;
            var kernel = new DepthwiseConvolution { Window = window, Weights = memory.RandomFloats(9 * window.Channels, out var values), WeightStride = 9 };
            var expected = Oracle.Convolution(window.Channels, 3, window.Stride, window.Channels).Forward(input, values);
            InferenceCheck.RunActivated<TVec>(memory, lanes, kernel.Scratch, expected,
                (in all, data, scratch, function) => kernel.Infer<TVec>(all, data, scratch, function));
        }
    }

    private sealed class AveragePoolBody(int shape) : Body
    {
        protected override void Run<TVec>(int lanes)
        {
            var (memory, window, input) = Slide(lanes, WindowShapes[shape]);
            using var disposed = memory;
            var kernel = DepthwiseConvolution.Mean(window, memory.Allocate<float>(9));
            var expected = Oracle.AveragePool(window.Channels, window.Stride).Forward(input, []);
            InferenceCheck.Run(memory, lanes, hasBias: true, kernel.Scratch, expected, (in all, data, scratch) => kernel.Infer<TVec>(all, data, scratch));
        }
    }

    private sealed class MaxPoolBody((int C, int H, int W, int Stride) shape) : Body
    {
        protected override void Run<TVec>(int lanes)
        {
            var (memory, window, input) = Slide(lanes, shape);
            using var disposed = memory;
            var kernel = new MaxPoolKernel { Window = window };
            var expected = Oracle.MaxPool(window.Stride).Forward(input, []);
            InferenceCheck.Run(memory, lanes, hasBias: false, kernel.Scratch, expected, (in all, data, scratch) => kernel.Infer<TVec>(all, data, scratch));
        }
    }

    private sealed class DenseBody((int O, int H, int W, int Stride) shape) : Body
    {
        private const int Colours = 3;

        protected override void Run<TVec>(int lanes)
        {
            var (o, h, w, stride) = shape;
            using var memory = new InferenceMemory(lanes, imagesFirst: true, (Colours, h, w), (o, (h - 1) / stride + 1, (w - 1) / stride + 1));
            var weights = memory.RandomFloats(o * 9 * Colours, out var values);
            var kernel = new DenseConvolution
            {
                Window = Window(memory, Colours, h, w, stride, lanes, out var input),
                OutputChannels = o,
                Packed = memory.Allocate<float>(values.Length),
            };
            kernel = kernel with { Offsets = memory.Copy<long>(kernel.TapOffsets()) };
            kernel.Pack(weights);
            var expected = Oracle.Convolution(o, 3, stride, 1).Forward(input, values);
            InferenceCheck.RunActivated<TVec>(memory, lanes, kernel.Scratch, expected,
                (in all, data, scratch, function) => kernel.Infer<TVec>(all, data, scratch, memory.OutputStride, function));
        }
    }

    private sealed class GlobalAverageBody(int shape) : IVectorBody
    {
        public void Run<TVec>()
            where TVec : unmanaged, IVec<TVec>
        {
            var (c, h, w, _) = WindowShapes[shape];
            using var memory = new InferenceMemory(Lanes.Count, imagesFirst: false, (c, h, w), (c, 1, 1));
            var planes = memory.ShuffledPlanes(0);
            var kernel = new GlobalAveragePoolKernel
            {
                Input = memory.Copy<int>(planes),
                Output = memory.Output,
                Channels = c,
                PlaneSize = h * w * Lanes.Count,
            };
            var expected = Oracle.GlobalAveragePool().Forward(memory.Read(planes), []);
            InferenceCheck.Run(memory, Lanes.Count, hasBias: false, 0, expected, (in all, data, _) => kernel.Infer<TVec>(all, data));
        }
    }

    private sealed class AdditionBody(int shape) : Body
    {
        protected override void Run<TVec>(int lanes)
        {
            var (c, h, w, _) = WindowShapes[shape];
            using var memory = new InferenceMemory(lanes, imagesFirst: false, (c, h, w), (c, h, w), (c, h, w));
            int[] left = memory.ShuffledPlanes(0), right = [.. memory.ShuffledPlanes(1).Reverse()];
            var kernel = new Addition
            {
                Left = memory.Copy<int>(left),
                Right = memory.Copy<int>(right),
                Output = memory.Output,
                Channels = c,
                PlaneSize = h * w * lanes,
            };
            var expected = Oracle.Add(memory.Read(right)).Forward(memory.Read(left), []);
            InferenceCheck.Run(memory, lanes, hasBias: false, 0, expected, (in all, data, _) => kernel.Infer<TVec>(all, data));
        }
    }

    private sealed class ActivationBody(int shape) : Body
    {
        protected override void Run<TVec>(int lanes)
        {
            var (c, h, w, _) = WindowShapes[shape];
            foreach (var kind in Enum.GetValues<ActivationKind>())
            {
                using var memory = new InferenceMemory(lanes, imagesFirst: false, (c, h, w), (c, h, w));
                memory.WidenInput();
                var planes = memory.ShuffledPlanes(0);
                var inputs = memory.Copy<int>(planes);
                var kernel = new ActivationKernel { Input = inputs, Output = memory.Output, Channels = c, PlaneSize = h * w * lanes };
                var expected = Oracle.Activation(kind).Forward(memory.Read(planes), []);
                InferenceCheck.Run(memory, lanes, hasBias: false, 0, expected,
                    (in all, data, _) => kernel.Infer<TVec>(all, data, ActivationFunctions<TVec>.Of(kind)));
            }
        }
    }

    private sealed class ScalingBody(int shape) : Body
    {
        protected override void Run<TVec>(int lanes)
        {
            var (c, h, w, _) = WindowShapes[shape];
            using var memory = new InferenceMemory(lanes, imagesFirst: false, (c, h, w), (c, 1, 1), (c, h, w));
            int[] planes = memory.ShuffledPlanes(0), factors = [.. memory.ShuffledPlanes(1).Reverse()];
            var kernel = new ChannelScaling
            {
                Input = memory.Copy<int>(planes),
                Factors = memory.Copy<int>(factors),
                Output = memory.Output,
                Channels = c,
                PlaneSize = h * w * lanes,
            };
            var expected = Oracle.Scale().Forward(memory.Read(planes), memory.Read(factors).Values);
            InferenceCheck.Run(memory, lanes, hasBias: false, 0, expected, (in all, data, _) =>
            {
                if (lanes == 1)
                    kernel.InferImage<TVec>(all, data);
                else
                    kernel.Infer<TVec>(all, data);
            });
        }
    }
}
