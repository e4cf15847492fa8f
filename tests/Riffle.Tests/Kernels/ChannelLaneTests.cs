using Riffle.Kernels;
using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Tests.Kernels;

/// <summary>
/// What one image with sixteen channels side by side needs, at every vector width, over awkward shapes: values against the oracle, and nothing written where
/// nothing may be. <see cref="InferenceMemory"/> holds blocks of channels as planes of sixteen lanes; inputs are shuffled.
/// </summary>
public unsafe class ChannelLaneTests
{
    private const double Tolerance = 2e-5;

    private static readonly (int Blocks, int C, int O, int Groups, int H, int W)[] PointwiseShapes =
    [
        (1, 1, 1, 1, 1, 1), (2, 23, 31, 1, 1, 1), (2, 24, 96, 8, 1, 1), (1, 7, 5, 1, 3, 7), (4, 60, 20, 1, 1, 2), (3, 40, 62, 2, 5, 4), (4, 60, 57, 3, 3, 9),
        (9, 130, 70, 1, 7, 7), (7, 100, 148, 2, 4, 4), (3, 48, 240, 3, 2, 2), (2, 17, 33, 1, 1, 5), (1, 16, 64, 1, 13, 1),
    ];

    private static readonly (int Blocks, int H, int W, int Kernel, int Stride, Padding Border)[] WindowShapes =
    [
        .. from stride in (int[])[1, 2]
           from kernel in (int[])[3, 5]
           from shape in ((int Blocks, int H, int W)[])[(1, 1, 1), (3, 3, 2), (2, 4, 4), (2, 7, 7), (1, 5, 14)]
           select (shape.Blocks, shape.H, shape.W, kernel, stride, Padding.Of(kernel / 2)),
        (2, 5, 4, 1, 2, default), (1, 6, 7, 2, 2, default), (2, 8, 8, 3, 2, new(0, 0, 1, 1)), (1, 5, 9, 3, 3, new(2, 0, 0, 2)), (2, 7, 7, 7, 1, default),
        (1, 8, 6, 5, 2, new(1, 2, 3, 4)), (1, 4, 8, 4, 4, new(0, 3, 0, 3)),
    ];

    private static readonly (int O, int H, int W, int Stride)[] StemShapes = [(1, 1, 1, 1), (7, 5, 4, 2), (16, 7, 7, 2), (24, 6, 14, 1), (40, 9, 9, 2)];

    public static TheoryData<string, int> Pointwise => Cases(PointwiseShapes.Length);

    public static TheoryData<string, int> Windows => Cases(WindowShapes.Length);

    public static TheoryData<string, int> Stems => Cases(StemShapes.Length);

    [Theory]
    [MemberData(nameof(Pointwise))]
    public void Pointwise_convolution_with_and_without_addends(string width, int shape) => VectorWidths.Run(width, new PointwiseBody(shape));

    [Theory]
    [MemberData(nameof(Windows))]
    public void Depthwise_convolution_has_weights_for_each_lane(string width, int shape) => VectorWidths.Run(width, new DepthwiseBody(shape));

    [Theory]
    [MemberData(nameof(Stems))]
    public void Dense_convolution_reads_planes_and_writes_lanes(string width, int shape) => VectorWidths.Run(width, new DenseBody(shape));

    [Theory]
    [MemberData(nameof(Pointwise))]
    public void Planes_come_side_by_side_to_the_bit(string width, int shape) => VectorWidths.Run(width, new PlanesBody(shape));

    /// <summary>Factors lie anywhere, as the lanes of other blocks or as planes of one value.</summary>
    [Theory]
    [MemberData(nameof(Windows))]
    public void Scaling_takes_factors_from_anywhere(string width, int shape) => VectorWidths.Run(width, new ScalingBody(shape));

    [Fact]
    public void Sums_take_channels_from_anywhere()
    {
        using var memory = new InferenceMemory(Lanes.Count, imagesFirst: false, (2, 3, 5), (2, 3, 5), (2, 3, 5));
        var (left, right, output) = (ShuffledChannels(memory, 0), ShuffledChannels(memory, 1).Reverse().ToArray(), Channels(memory, [4, 5]));
        var expected = Oracle.Add(Read(memory, right, 3, 5)).Forward(Read(memory, left, 3, 5), []);
        memory.Prepare(InferenceMemory.Clamps[1], 0);
        Addition.InferChannels(memory.Data, memory.Copy<long>(left), memory.Copy<long>(right), memory.Copy<long>(output), left.Length, 15, InferenceMemory.Clamps[1]);
        Close.Assert([.. expected.Values.Select(value => Math.Max(0, value))], Read(memory, output, 3, 5).Values, Tolerance, "y");
        memory.AssertUntouched("y");
    }

    private static TheoryData<string, int> Cases(int shapes) => VectorWidths.With(Enumerable.Range(0, shapes));

    /// <summary>Where each channel of some blocks lies, at the first position.</summary>
    private static long[] Channels(InferenceMemory memory, int[] blocks) =>
        [.. from block in blocks from lane in Enumerable.Range(0, Lanes.Count) select memory.Planes.Offset[block] + lane];

    /// <summary>The channels of a tensor in an order of their own, as a shuffle leaves them.</summary>
    private static long[] ShuffledChannels(InferenceMemory memory, int tensor) =>
        [.. Channels(memory, memory.ShuffledPlanes(tensor)).Select((at, c) => (at, c)).OrderBy(pair => (pair.c * 7 + 3) % 11).Select(pair => pair.at)];

    private static Volume Read(InferenceMemory memory, long[] channels, int height, int width) =>
        Volume.Create(1, channels.Length, height, width, (_, c, y, x) => memory.Data[channels[c] + ((long)y * width + x) * Lanes.Count]);

    private static double[] Expected(Volume oracle, Func<int, float> bias, Clamp clamp) =>
        [.. oracle.Values.Select((value, i) => InferenceMemory.Clamped(clamp, value + bias(i / (oracle.Height * oracle.Width))))];

    private sealed class PointwiseBody(int shape) : IVectorBody
    {
        public void Run<TVec>()
            where TVec : unmanaged, IVec<TVec>
        {
            var (blocks, c, o, groups, h, w) = PointwiseShapes[shape];
            int width = o / groups, groupBlocks = (width + Lanes.Count - 1) / Lanes.Count;
            var outputs = (groups * groupBlocks, h, w);
            using var memory = new InferenceMemory(Lanes.Count, imagesFirst: false, (blocks, h, w), outputs, outputs);
            var inputs = ShuffledChannels(memory, 0)[..c];
            var weights = memory.RandomFloats(o * c / groups, out var values);
            var bias = memory.RandomFloats(groups * groupBlocks * Lanes.Count, out _);
            var offsets = memory.Copy<long>(inputs);
            var kernel = new ChannelConvolution { Offsets = offsets, InputChannels = c, OutputChannels = o, Groups = groups, Positions = h * w };
            kernel = kernel with { Packed = memory.Allocate<float>(kernel.PackedCount<TVec>()) };
            kernel.Pack<TVec>(weights);

            int[] addendBlocks = memory.ShuffledPlanes(1), outputBlocks = [.. Enumerable.Range(memory.Output, groups * groupBlocks)];
            int[] lanes = [.. Enumerable.Range(0, o).Select(k => k / width * groupBlocks * Lanes.Count + k % width)];
            long[] Chosen(int[] all) => [.. lanes.Select(lane => Channels(memory, all)[lane])];
            var product = Oracle.Convolution(o, 1, 1, groups).Forward(Read(memory, inputs, h, w), values);
            var sum = Oracle.Add(product).Forward(Read(memory, Chosen(addendBlocks), h, w), []);
            foreach (var hasAddend in (bool[])[false, true])
            {
                foreach (var clamp in InferenceMemory.Clamps)
                {
                    memory.Prepare(clamp, 0);
                    kernel.Infer<TVec>(memory.Data, new BlockedEpilogue
                    {
                        Target = memory.Data + memory.Planes.Offset[memory.Output],
                        BlockStride = memory.OutputStride,
                        Bias = bias,
                        Clamp = clamp,
                        Data = memory.Data,
                        Addends = hasAddend ? memory.OffsetsOf(addendBlocks) : null,
                    });
                    var what = $"y with {clamp}{(hasAddend ? " and addend" : "")}";
                    var expected = Expected(hasAddend ? sum : product, k => bias[lanes[k]], clamp);
                    Close.Assert(expected, Read(memory, Chosen(outputBlocks), h, w).Values, Tolerance, what);
                    memory.AssertUntouched(what);
                }
            }
        }
    }

    private sealed class DepthwiseBody(int shape) : IVectorBody
    {
        public void Run<TVec>()
            where TVec : unmanaged, IVec<TVec>
        {
            var (blocks, h, w, k, stride, (top, left, bottom, right)) = WindowShapes[shape];
            var window = new Window
            {
                Channels = blocks,
                Height = h,
                Width = w,
                Kernel = k,
                Stride = stride,
                Lanes = Lanes.Count,
                Border = new(top, left, bottom, right),
            };
            using var memory = new InferenceMemory(Lanes.Count, imagesFirst: false, (blocks, h, w), (blocks, window.OutputHeight, window.OutputWidth));
            var planes = memory.ShuffledPlanes(0);
            var kernel = new DepthwiseConvolution
            {
                Window = window with { Input = memory.Copy<int>(planes), Output = memory.Output },
                Weights = memory.RandomFloats(blocks * k * k * Lanes.Count, out var packed),
                WeightStride = k * k * Lanes.Count,
            };
            var bias = memory.RandomFloats(blocks * Lanes.Count, out _);
            double[] values =
            [
                .. from c in Enumerable.Range(0, blocks * Lanes.Count)
                   from tap in Enumerable.Range(0, k * k)
                   select packed[(c / Lanes.Count * k * k + tap) * Lanes.Count + c % Lanes.Count],
            ];
            var channels = blocks * Lanes.Count;
            var input = Read(memory, Channels(memory, planes), h, w);
            var oracle = Oracle.Convolution(channels, k, stride, channels, WindowShapes[shape].Border).Forward(input, values);
            var outputs = Channels(memory, [.. Enumerable.Range(memory.Output, blocks)]);
            foreach (var clamp in InferenceMemory.Clamps)
            {
                var scratch = memory.Prepare(clamp, kernel.Scratch);
                kernel.InferChannels<TVec>(memory.Planes, memory.Data, scratch, bias);
                var y = Read(memory, outputs, window.OutputHeight, window.OutputWidth);
                Close.Assert(Expected(oracle, c => bias[c], clamp), y.Values, Tolerance, $"y with {clamp}");
                memory.AssertUntouched($"y with {clamp}");
            }
        }
    }

    private sealed class ScalingBody(int shape) : IVectorBody
    {
        public void Run<TVec>()
            where TVec : unmanaged, IVec<TVec>
        {
            var (blocks, h, w, _, _, _) = WindowShapes[shape];
            using var memory = new InferenceMemory(Lanes.Count, imagesFirst: false, (blocks, h, w), (blocks, 1, 1), (blocks, h, w));
            var planes = memory.ShuffledPlanes(0);
            var factors = ShuffledChannels(memory, 1);
            var outputs = Channels(memory, [.. Enumerable.Range(memory.Output, blocks)]);

            // The last lanes of the last block hold no channel; there is no junk in them afterwards.
            var channels = factors.Length - 3;
            var kernel = new ChannelScaling { Input = memory.Copy<int>(planes), Output = memory.Output, Channels = blocks, PlaneSize = h * w * Lanes.Count };
            var expected = Oracle.Scale().Forward(
                Read(memory, Channels(memory, planes)[..channels], h, w), [.. factors[..channels].Select(at => (double)memory.Data[at])]);
            foreach (var clamp in InferenceMemory.Clamps)
            {
                memory.Prepare(clamp, 0);
                kernel.InferChannels<TVec>(memory.Planes, memory.Data, memory.Copy<long>([.. factors[..channels], -1, -1, -1]));
                Close.Assert(Expected(expected, _ => 0, clamp), Read(memory, outputs[..channels], h, w).Values, Tolerance, $"y with {clamp}");
                Assert.All(Read(memory, outputs[channels..], h, w).Values, value => Assert.Equal(0, value));
                memory.AssertUntouched($"y with {clamp}");
            }
        }
    }

    private sealed class DenseBody(int shape) : IVectorBody
    {
        private const int Colours = 3;

        public void Run<TVec>()
            where TVec : unmanaged, IVec<TVec>
        {
            var (o, h, w, stride) = StemShapes[shape];
            int blocks = (o + Lanes.Count - 1) / Lanes.Count, outputHeight = (h - 1) / stride + 1, outputWidth = (w - 1) / stride + 1;
            using var memory = new InferenceMemory(lanes: 1, imagesFirst: true, (Colours, h, w), (1, 1, 1));
            var images = memory.ShuffledPlanes(0);
            var kernel = new DenseConvolution
            {
                Window = new() { Input = memory.Copy<int>(images), Channels = Colours, Height = h, Width = w, Stride = stride, Lanes = 1 },
                OutputChannels = o,
            };
            kernel = kernel with
            {
                Offsets = memory.Copy<long>(kernel.TapOffsets()),
                Packed = memory.Allocate<float>(ChannelProduct.PackedCount<TVec>(o, kernel.Depth)),
            };
            ChannelProduct.Pack<TVec>(memory.RandomFloats(o * kernel.Depth, out var values), o, kernel.Depth, kernel.Packed);
            var bias = memory.RandomFloats(blocks * Lanes.Count, out _);
            var size = (long)outputHeight * outputWidth * Lanes.Count;
            var target = memory.Allocate<float>(blocks * size);
            var scratch = memory.Prepare(InferenceMemory.Clamps[1], kernel.Scratch);
            kernel.InferChannels<TVec>(memory.Planes, memory.Data, scratch, new BlockedEpilogue { Target = target, BlockStride = size, Bias = bias, Clamp = new(0, float.PositiveInfinity) });
            var oracle = Oracle.Convolution(o, 3, stride, 1).Forward(memory.Read(images), values);
            var y = Volume.Create(1, o, outputHeight, outputWidth, (_, c, row, x) =>
                target[c / Lanes.Count * size + (row * outputWidth + x) * Lanes.Count + c % Lanes.Count]);
            Close.Assert(Expected(oracle, c => bias[c], InferenceMemory.Clamps[1]), y.Values, Tolerance, "y");
            memory.AssertUntouched("y");
        }
    }

    private sealed class PlanesBody(int shape) : IVectorBody
    {
        public void Run<TVec>()
            where TVec : unmanaged, IVec<TVec>
        {
            var (_, c, _, _, h, w) = PointwiseShapes[shape];
            var blocks = (c + Lanes.Count - 1) / Lanes.Count;
            using var memory = new InferenceMemory(lanes: 1, imagesFirst: false, (c, h, w), (1, 1, 1));
            var planes = memory.ShuffledPlanes(0);
            var floats = blocks * h * w * Lanes.Count;
            const float Untouched = 12345;
            var target = memory.Allocate<float>(floats + Lanes.Count);
            new Span<float>(target, floats + Lanes.Count).Fill(Untouched);
            ChannelLanes.FromPlanes<TVec>(memory.Data, memory.OffsetsOf(planes), c, h * w, target);
            for (var i = 0; i < floats; i++)
            {
                var (block, place) = Math.DivRem(i, h * w * Lanes.Count);
                var channel = block * Lanes.Count + place % Lanes.Count;
                Assert.Equal(channel < c ? memory.Data[memory.Planes.Offset[planes[channel]] + place / Lanes.Count] : 0, target[i]);
            }

            Assert.All(new Span<float>(target + floats, Lanes.Count).ToArray(), value => Assert.Equal(Untouched, value));
        }
    }
}
