using Riffle.Execution;
using Riffle.Kernels;
using Riffle.Simd;

namespace Riffle.Tests.Kernels;

public unsafe class MatrixProductTests
{
    /// <summary>Rows, depth and positions (of 16 floats) that make every height of a tile and every tail; depths of whole vectors too.</summary>
    private static readonly (int Rows, int Depth, int Positions)[] Shapes =
        [(1, 1, 1), (2, 3, 2), (3, 5, 3), (4, 1, 4), (5, 7, 5), (6, 2, 7), (7, 9, 1), (11, 4, 9), (13, 20, 6), (20, 13, 2), (29, 6, 4), (7, 16, 1), (37, 48, 3), (19, 80, 2)];

    public static TheoryData<string, int> Cases => VectorWidths.With(Enumerable.Range(0, Shapes.Length));

    [Theory]
    [MemberData(nameof(Cases))]
    public void BothProducts(string width, int shape) => VectorWidths.Run(width, new Body(shape));

    private sealed class Body(int shape) : IVectorBody
    {
        public void Run<TVec>()
            where TVec : unmanaged, IVec<TVec>
        {
            var (rows, depth, positions) = Shapes[shape];
            var length = positions * Lanes.Count;
            var random = new Random(3);
            NativeArray<float> Fill(int count)
            {
                var array = new NativeArray<float>(count);
                foreach (ref var value in array.Span)
                    value = (float)(random.NextDouble() * 2 - 1);
                return array;
            }

            using var weights = Fill(rows * depth);
            using var packed = Fill(rows * depth);
            using var x = Fill(depth * length);
            using var offsets = new NativeArray<long>([.. Enumerable.Range(0, depth).Select(k => (long)k * length)]);
            using var offsetsY = new NativeArray<long>([.. Enumerable.Range(0, rows).Select(r => (long)r * length)]);
            using var y = Fill((rows + 1) * length);
            using var bias = Fill(rows);
            using var sums = Fill(rows * depth);
            var guard = y.Span[rows * length];

            MatrixProduct.Pack(weights.Pointer, depth, 1, rows, depth, packed.Pointer);
            var matrix = new Rows(x.Pointer, offsets.Pointer);
            var left = new Rows(y.Pointer, offsetsY.Pointer);
            var sink = new PlainRows(y.Pointer, length, rows);
            MatrixProduct.Multiply<TVec, PlainRows>(packed.Pointer, rows, depth, matrix, length, sink);
            double Product(int r, int p) => Enumerable.Range(0, depth).Sum(k => (double)weights.Span[r * depth + k] * x.Span[k * length + p]);
            var expected = Enumerable.Range(0, rows * length).Select(i => Product(i / length, i % length)).ToArray();
            Close.Assert(expected, Close.Doubles(y.Pointer, rows * length), 1e-5, "product");
            Assert.Equal(guard, y.Span[rows * length]);

            double Dot(int r, int k) => Enumerable.Range(0, length).Sum(p => (double)y.Span[r * length + p] * x.Span[k * length + p]);
            var dots = Enumerable.Range(0, rows * depth).Select(i => Dot(i / depth, i % depth)).ToArray();
            var first = sums.Span.ToArray();
            TransposedProduct.Multiply<TVec>(left, rows, matrix, depth, length, sums.Pointer, depth, accumulate: true);
            Close.Assert([.. dots.Zip(first, (a, b) => a + b)], Close.Doubles(sums.Pointer, rows * depth), 1e-5, "added");
            TransposedProduct.Multiply<TVec>(left, rows, matrix, depth, length, sums.Pointer, depth, accumulate: false);
            Close.Assert(dots, Close.Doubles(sums.Pointer, rows * depth), 1e-5, "overwritten");

            if (depth % TVec.Count == 0)
            {
                using var scratch = new NativeArray<float>(OuterProduct.Scratch(rows, depth, length));
                first = sums.Span.ToArray();
                OuterProduct.Multiply<TVec>(left, rows, matrix, depth, length, sums.Pointer, accumulate: true, scratch.Pointer);
                Close.Assert([.. dots.Zip(first, (a, b) => a + b)], Close.Doubles(sums.Pointer, rows * depth), 1e-5, "outer products, added");
                OuterProduct.Multiply<TVec>(left, rows, matrix, depth, length, sums.Pointer, accumulate: false, scratch.Pointer);
                Close.Assert(dots, Close.Doubles(sums.Pointer, rows * depth), 1e-5, "outer products, overwritten");
            }

            MatrixProduct.Multiply<TVec, BiasedRows>(packed.Pointer, rows, depth, matrix, length, new(sink, bias.Pointer));
            var biased = expected.Select((value, i) => Math.Clamp(value + bias.Span[i / length], 0.25, 0.75)).ToArray();
            Close.Assert(biased, Close.Doubles(y.Pointer, rows * length), 1e-5, "with bias and clamp");
            Assert.Equal(guard, y.Span[rows * length]);
        }
    }

    /// <summary>Rows one after the other; each must be handed over once, in order.</summary>
    private readonly struct PlainRows(float* target, long stride, int count) : IEpilogue
    {
        public static bool HasBias => false;

        public static bool HasHigh => false;

        public float* Bias => null;

        public float Low => 0;

        public float High => 0;

        public long Stride => stride;

        public float* Target(int row) => target + row * stride;

        public void Written(int row, int written) => Assert.InRange(row + written, 1, count);
    }

    private readonly struct BiasedRows(PlainRows rows, float* bias) : IEpilogue
    {
        public static bool HasBias => true;

        public static bool HasHigh => true;

        public float* Bias => bias;

        public float Low => 0.25f;

        public float High => 0.75f;

        public long Stride => rows.Stride;

        public float* Target(int row) => rows.Target(row);

        public void Written(int row, int written) => rows.Written(row, written);
    }
}
