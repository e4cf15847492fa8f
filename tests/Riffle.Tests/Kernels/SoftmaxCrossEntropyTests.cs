using Riffle.Kernels;
using Riffle.Simd;

namespace Riffle.Tests.Kernels;

public unsafe class SoftmaxCrossEntropyTests
{
    public static TheoryData<string, int, int, float> Cases
    {
        get
        {
            var data = new TheoryData<string, int, int, float>();
            foreach (var level in VectorLevels.Available)
            {
                data.Add(level.ToString(), 1, 16, 0);
                data.Add(level.ToString(), 7, 5, 0);
                data.Add(level.ToString(), 200, 13, 0.1f);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void LossAndGradient(string width, int classes, int images, float smoothing) => VectorWidths.Run(width, new Body(classes, images, smoothing));

    [Fact]
    public void TiesCountForTheSmallerIndex()
    {
        using var memory = new PlaneMemory(3, (7, 1, 1));
        for (var k = 0; k < 7; k++)
        {
            memory.Planes.Scale[k] = 0;
            memory.Planes.Shift[k] = 1;
        }

        var kernel = new SoftmaxCrossEntropy { Input = Planes(memory, 7), Classes = 7 };
        var scratch = memory.Allocate<float>(kernel.Scratch);
        var arrivals = memory.Allocate<Arrival>(7);
        var (_, top1, top5) = kernel.Run<VecScalar>(memory.Planes, memory.Block, scratch, [0, 4, 5], 0, 1, arrivals);
        Assert.Equal((1, 2), (top1, top5));
    }

    private static int* Planes(PlaneMemory memory, int count)
    {
        var planes = memory.Allocate<int>(count);
        for (var k = 0; k < count; k++)
            planes[k] = k;
        return planes;
    }

    private sealed class Body(int classes, int images, float smoothing) : IVectorBody
    {
        public void Run<TVec>()
            where TVec : unmanaged, IVec<TVec>
        {
            using var memory = new PlaneMemory(images, (classes, 1, 1));
            var labels = Enumerable.Range(0, images).Select(n => n * 31 % classes).ToArray();
            var arrivals = memory.Allocate<Arrival>(classes);
            var kernel = new SoftmaxCrossEntropy { Input = Planes(memory, classes), Classes = classes };
            var logits = memory.Value(0);
            var scratch = memory.Allocate<float>(kernel.Scratch);
            var (loss, top1, top5) = kernel.Run<TVec>(memory.Planes, memory.Block, scratch, labels, smoothing, 1f / images, arrivals);
            Assert.Equal(Oracle.SoftmaxCrossEntropy(logits, labels, smoothing), loss / images, 1e-5);
            int Before(int n, int label) => Enumerable.Range(0, classes).Count(k => logits[n, k, 0, 0] > logits[n, label, 0, 0]);
            int Hits(int most) => labels.Where((label, n) => Before(n, label) < most).Count();
            Assert.True(top1 <= top5);

            // Logits cut off by the floor tie; without a tie the count is plain.
            if (logits.Values.Distinct().Count() == logits.Values.Length)
                Assert.Equal((Hits(1), Hits(5)), (top1, top5));
            var gradient = memory.Gradient(0);
            for (var i = 0; i < logits.Values.Length; i += 1 + logits.Values.Length / 40)
            {
                const double Step = 1e-5;
                var value = logits.Values[i];
                logits.Values[i] = value + Step;
                var up = Oracle.SoftmaxCrossEntropy(logits, labels, smoothing);
                logits.Values[i] = value - Step;
                var down = Oracle.SoftmaxCrossEntropy(logits, labels, smoothing);
                logits.Values[i] = value;
                Assert.Equal((up - down) / (2 * Step), gradient.Values[i], 1e-5);
            }
        }
    }
}
