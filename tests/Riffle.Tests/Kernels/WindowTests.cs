using Riffle.Kernels;
using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Tests.Kernels;

/// <summary>
/// Windows of any size, stride and border in inference, for blocks of sixteen images, of one, and for one with sixteen channels side by side, at every vector
/// width: values against the oracle, and nothing written where nothing may be (<see cref="InferenceMemory"/>). Inputs are shuffled planes.
/// </summary>
public unsafe class WindowTests
{
    private static readonly (int C, int H, int W, int Kernel, int Stride, Padding Border)[] Shapes =
    [
        (2, 1, 1, 1, 1, default), (3, 5, 4, 1, 2, default), (2, 7, 9, 2, 2, default), (1, 2, 2, 2, 1, new(1, 1, 0, 0)), (3, 6, 5, 3, 1, default),
        (2, 8, 8, 3, 2, new(0, 0, 1, 1)), (2, 9, 7, 3, 2, new(1, 1, 0, 0)), (4, 5, 17, 3, 1, new(2, 0, 0, 2)), (2, 11, 33, 3, 3, new(0, 1, 2, 0)),
        (3, 7, 7, 5, 1, Padding.Of(2)), (2, 9, 18, 5, 2, new(1, 2, 3, 4)), (1, 13, 35, 7, 2, Padding.Of(3)), (2, 7, 7, 7, 1, default),
        (1, 4, 30, 4, 4, new(0, 3, 0, 3)),
    ];

    private static readonly (int Shape, int O, int Groups)[] DenseShapes =
    [
        .. from shape in Enumerable.Range(0, Shapes.Length)
           from outputs in (int[])[1, 7]
           select (shape, outputs * Shapes[shape].C, shape % 2 == 0 ? 1 : Shapes[shape].C),
    ];

    public static TheoryData<string, int> Windows => VectorWidths.With(Enumerable.Range(0, Shapes.Length));

    public static TheoryData<string, int> Dense => VectorWidths.With(Enumerable.Range(0, DenseShapes.Length));

    [Theory]
    [MemberData(nameof(Windows))]
    public void Depthwise_convolution(string width, int shape) => VectorWidths.Run(width, new DepthwiseBody(shape));

    [Theory]
    [MemberData(nameof(Windows))]
    public void Pools(string width, int shape) => VectorWidths.Run(width, new PoolBody(shape));

    [Theory]
    [MemberData(nameof(Dense))]
    public void Dense_convolution_in_groups(string width, int shape) => VectorWidths.Run(width, new DenseBody(DenseShapes[shape]));

    [Theory]
    [MemberData(nameof(Dense))]
    public void Dense_convolution_of_channels_side_by_side(string width, int shape) => VectorWidths.Run(width, new BlocksBody(DenseShapes[shape]));

    private static (InferenceMemory Memory, Window Window, Volume Input) Slide(int lanes, int shape, int outputs)
    {
        var (c, h, w, kernel, stride, (top, left, bottom, right)) = Shapes[shape];
        var border = new Border(top, left, bottom, right);
        var window = new Window { Channels = c, Height = h, Width = w, Kernel = kernel, Stride = stride, Lanes = lanes, Border = border };
        var memory = new InferenceMemory(lanes, imagesFirst: false, (c, h, w), (outputs, window.OutputHeight, window.OutputWidth));
        var planes = memory.ShuffledPlanes(0);
        return (memory, window with { Input = memory.Copy<int>(planes), Output = memory.Output }, memory.Read(planes));
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

    private sealed class DepthwiseBody(int shape) : Body
    {
        protected override void Run<TVec>(int lanes)
        {
            var (c, _, _, kernel, stride, border) = Shapes[shape];
            var (memory, window, input) = Slide(lanes, shape, c);
            using var disposed = memory;
            var weights = memory.RandomFloats(kernel * kernel * c, out var values);
            var depthwise = new DepthwiseConvolution { Window = window, Weights = weights, WeightStride = kernel * kernel };
            var expected = Oracle.Convolution(c, kernel, stride, c, border).Forward(input, values);
            InferenceCheck.RunActivated<TVec>(memory, lanes, depthwise.Scratch, expected,
                (in all, data, scratch, function) => depthwise.Infer<TVec>(all, data, scratch, function));
        }
    }

    private sealed class PoolBody(int shape) : Body
    {
        protected override void Run<TVec>(int lanes)
        {
            var (c, _, _, kernel, stride, border) = Shapes[shape];
            foreach (var isMean in (bool[])[false, true])
            {
                var (memory, window, input) = Slide(lanes, shape, c);
                using var disposed = memory;
                var pool = WindowPool.Create(window, isMean, values => (nint)memory.Copy<float>(values));
                var expected = Oracle.Pool(input, kernel, stride, border, (seen, _) => isMean ? seen.Average() : seen.Max());
                InferenceCheck.Run(memory, lanes, hasBias: false, pool.Scratch, expected, (in all, data, scratch) => pool.Infer<TVec>(all, data, scratch));
            }
        }
    }

    private sealed class DenseBody((int Shape, int O, int Groups) shape) : Body
    {
        protected override void Run<TVec>(int lanes)
        {
            var (c, _, _, kernel, stride, border) = Shapes[shape.Shape];
            var (memory, window, input) = Slide(lanes, shape.Shape, shape.O);
            using var disposed = memory;
            var weights = memory.RandomFloats(shape.O * c / shape.Groups * kernel * kernel, out var values);
            var dense = new DenseConvolution
            {
                Window = window,
                OutputChannels = shape.O,
                Groups = shape.Groups,
                Packed = memory.Allocate<float>(values.Length),
            };
            dense = dense with { Offsets = memory.Copy<long>(dense.TapOffsets()) };
            dense.Pack(weights);
            var expected = Oracle.Convolution(shape.O, kernel, stride, shape.Groups, border).Forward(input, values);
            InferenceCheck.RunActivated<TVec>(memory, lanes, dense.Scratch, expected,
                (in all, data, scratch, function) => dense.Infer<TVec>(all, data, scratch, memory.OutputStride, function));
        }
    }

    /// <summary>Channels of the input side by side, seventeen more than the shape has; each group of the output begins with a block of its own.</summary>
    private sealed class BlocksBody((int Shape, int O, int Groups) shape) : IVectorBody
    {
        public void Run<TVec>()
            where TVec : unmanaged, IVec<TVec>
        {
            var (_, h, w, kernel, stride, (top, left, bottom, right)) = Shapes[shape.Shape];
            int groups = shape.Groups, channels = 17 * groups, outputs = shape.O, width = outputs / groups;
            int blocks = (channels + Lanes.Count - 1) / Lanes.Count, groupBlocks = (width + Lanes.Count - 1) / Lanes.Count;
            var window = new Window
            {
                Channels = blocks,
                Height = h,
                Width = w,
                Kernel = kernel,
                Stride = stride,
                Lanes = Lanes.Count,
                Border = new(top, left, bottom, right),
            };
            using var memory = new InferenceMemory(
                Lanes.Count, imagesFirst: false, (blocks, h, w), (groups * groupBlocks, window.OutputHeight, window.OutputWidth));
            var padded = window.Padded;
            var depth = channels / groups * kernel * kernel;
            long[] offsets =
            [
                .. from c in Enumerable.Range(0, channels)
                   from ky in Enumerable.Range(0, kernel)
                   from kx in Enumerable.Range(0, kernel)
                   select c / Lanes.Count * padded.Size + padded.Tap(ky, kx) + c % Lanes.Count,
            ];
            var perGroup = ChannelProduct.PackedCount<TVec>(width, depth);
            var dense = new DenseConvolution
            {
                Window = window with { Input = memory.Copy<int>([.. Enumerable.Range(0, blocks)]) },
                OutputChannels = outputs,
                Groups = groups,
                Offsets = memory.Copy<long>(offsets),
                Packed = memory.Allocate<float>(groups * perGroup),
            };
            var weights = memory.RandomFloats(outputs * depth, out var values);
            for (var g = 0; g < groups; g++)
                ChannelProduct.Pack<TVec>(weights + g * width * depth, width, depth, dense.Packed + g * perGroup);
            var bias = memory.RandomFloats(groups * groupBlocks * Lanes.Count, out _);

            var input = Volume.Create(1, channels, h, w, (_, c, y, x) =>
                memory.Data[memory.Planes.Offset[c / Lanes.Count] + (y * w + x) * Lanes.Count + c % Lanes.Count]);
            var oracle = Oracle.Convolution(outputs, kernel, stride, groups, new(top, left, bottom, right)).Forward(input, values);
            var scratch = memory.Prepare(InferenceMemory.Clamps[1], dense.BlockScratch);
            dense.InferBlocks<TVec>(memory.Planes, memory.Data, scratch, depth, new BlockedEpilogue
            {
                Target = memory.Data + memory.Planes.Offset[memory.Output],
                BlockStride = memory.OutputStride,
                Bias = bias,
                Clamp = new(0, float.PositiveInfinity),
                Data = memory.Data,
            });
            int Lane(int o) => o / width * groupBlocks * Lanes.Count + o % width;
            var actual = Volume.Create(1, outputs, oracle.Height, oracle.Width, (_, o, y, x) =>
                memory.Data[memory.Planes.Offset[memory.Output + Lane(o) / Lanes.Count] + (y * oracle.Width + x) * Lanes.Count + Lane(o) % Lanes.Count]);
            var perPlane = oracle.Height * oracle.Width;
            Close.Assert([.. oracle.Values.Select((value, i) => Math.Max(0, value + bias[Lane(i / perPlane)]))], actual.Values, InferenceCheck.Tolerance, "y");
            memory.AssertUntouched("y");
        }
    }
}
