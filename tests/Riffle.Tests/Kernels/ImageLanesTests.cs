using FsCheck;
using FsCheck.Fluent;
using Riffle.Kernels;
using Riffle.Simd;

namespace Riffle.Tests.Kernels;

public unsafe class ImageLanesTests
{
    [Fact]
    public void Every_byte_becomes_product_and_sum_in_its_lane_and_unused_lanes_are_zero() =>
        Prop.ForAll(
            (from images in Gen.Choose(1, Lanes.Count)
             from positions in Gen.Choose(1, 300)
             from seed in Gen.Choose(0, 1000)
             select (images, positions, seed)).ToArbitrary(),
            c =>
            {
                float[] scale = [1 / (255 * 0.229f), 1 / (255 * 0.224f), 0.0178f], shift = [-2.1f, 0.35f, 1e-3f];
                var bytes = new byte[c.images * c.positions * 3];
                new Random(c.seed).NextBytes(bytes);
                var lanes = new float[3 * c.positions * Lanes.Count];
                lanes.AsSpan().Fill(float.NaN);
                fixed (byte* pixels = bytes)
                fixed (float* target = lanes)
                    ImageLanes.FromBytes(pixels, c.images, c.positions, scale, shift, target);
                return Enumerable.Range(0, lanes.Length).All(i =>
                {
                    var (lane, position, colour) = (i % Lanes.Count, i / Lanes.Count % c.positions, i / Lanes.Count / c.positions);
                    var expected = lane < c.images ? (bytes[(((lane * c.positions) + position) * 3) + colour] * scale[colour]) + shift[colour] : 0;
                    return BitConverter.SingleToInt32Bits(lanes[i]) == BitConverter.SingleToInt32Bits(expected);
                });
            }).QuickCheckThrowOnFailure();
}
