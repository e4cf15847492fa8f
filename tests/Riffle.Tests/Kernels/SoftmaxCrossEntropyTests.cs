using Riffle.Kernels;
using Riffle.Simd;

namespace Riffle.Tests.Kernels;

public unsafe class SoftmaxCrossEntropyTests
{
    public static TheoryData<string, int, int, float, float> Cases
    {
        get
        {
            var data = new TheoryData<string, int, int, float, float>();
            foreach (var level in VectorLevels.Available)
            {
                data.Add(level.ToString(), 1, 16, 0, 0);
                data.Add(level.ToString(), 7, 5, 0, 0);
                data.Add(level.ToString(), 200, 13, 0.1f, 0);
                data.Add(level.ToString(), 7, 16, 0.1f, 0.7f);
                data.Add(level.ToString(), 200, 3, 0, 1);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void LossAndGradient(string width, int classes, int images, float smoothing, float teacherWeight) =>
        VectorWidths.Run(width, new Body(classes, images, smoothing, teacherWeight));

    [Fact]
    public void A_network_that_says_what_its_teacher_says_has_nothing_to_learn_from_it()
    {
        using var memory = new PlaneMemory(5, (9, 1, 1));
        var logits = memory.Value(0);
        var teacher = memory.Allocate<float>(5 * 9);
        for (var n = 0; n < 5; n++)
        {
            for (var k = 0; k < 9; k++)
                teacher[n * 9 + k] = (float)logits[n, k, 0, 0] + n; // a softmax does not see what is added to all
        }

        var kernel = new SoftmaxCrossEntropy { Input = Planes(memory, 9), Classes = 9 };
        var targets = new SoftTargets { Teacher = teacher, TeacherWeight = 1, Temperature = 3 };
        kernel.Run<VecScalar>(memory.Planes, memory.Block, memory.Allocate<float>(kernel.Scratch), [0, 1, 2, 3, 4], targets, 0.2f, memory.Allocate<GradientWrite>(9));
        Assert.All(memory.Gradient(0).Values, gradient => Assert.InRange(gradient, -1e-6, 1e-6));
    }

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
        var writes = memory.Allocate<GradientWrite>(7);
        var (_, top1, top5) = kernel.Run<VecScalar>(memory.Planes, memory.Block, scratch, [0, 4, 5], default, 1, writes);
        Assert.Equal((1, 2), (top1, top5));
    }

    private static int* Planes(PlaneMemory memory, int count)
    {
        var planes = memory.Allocate<int>(count);
        for (var k = 0; k < count; k++)
            planes[k] = k;
        return planes;
    }

    private static float* Copy(PlaneMemory memory, float[]? values)
    {
        if (values is null)
            return null;
        var copy = memory.Allocate<float>(values.Length);
        values.CopyTo(new Span<float>(copy, values.Length));
        return copy;
    }

    private sealed class Body(int classes, int images, float smoothing, float teacherWeight) : IVectorBody
    {
        public void Run<TVec>()
            where TVec : unmanaged, IVec<TVec>
        {
            using var memory = new PlaneMemory(images, (classes, 1, 1));
            var labels = Enumerable.Range(0, images).Select(n => n * 31 % classes).ToArray();
            var writes = memory.Allocate<GradientWrite>(classes);
            var kernel = new SoftmaxCrossEntropy { Input = Planes(memory, classes), Classes = classes };
            var logits = memory.Value(0);
            var scratch = memory.Allocate<float>(kernel.Scratch);
            var random = new Random(5);
            float[]? teacher = teacherWeight == 0 ? null : [.. Enumerable.Range(0, images * classes).Select(_ => 4 * random.NextSingle())];
            const float Temperature = 2.5f;
            double Objective() => Oracle.SoftmaxCrossEntropy(logits, labels, smoothing, teacher, teacherWeight, Temperature);
            var targets = new SoftTargets { Smoothing = smoothing, Teacher = Copy(memory, teacher), TeacherWeight = teacherWeight, Temperature = Temperature };
            var (loss, top1, top5) = kernel.Run<TVec>(memory.Planes, memory.Block, scratch, labels, targets, 1f / images, writes);
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
                var up = Objective();
                logits.Values[i] = value - Step;
                var down = Objective();
                logits.Values[i] = value;
                Assert.Equal((up - down) / (2 * Step), gradient.Values[i], 1e-5);
            }
        }
    }
}
