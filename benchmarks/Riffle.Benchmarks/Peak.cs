using System.Diagnostics;
using System.Numerics;
using System.Runtime.Intrinsics;

namespace Riffle.Benchmarks;

/// <summary>What this machine multiplies and adds at most, with vectors as wide as it has: twelve independent chains that never leave the registers.</summary>
internal static class Peak
{
    /// <summary>GFLOP/s of as many threads at once, the best of several tries.</summary>
    public static double Measure(int threads)
    {
        double best = 0;
        for (var attempt = 0; attempt < 5; attempt++)
        {
            var counts = new long[threads];
            var start = Stopwatch.GetTimestamp();
            var workers = Enumerable.Range(0, threads).Select(t => new Thread(() => counts[t] = Run())).ToArray();
            foreach (var worker in workers)
                worker.Start();
            foreach (var worker in workers)
                worker.Join();
            best = Math.Max(best, counts.Sum() / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e9);
        }

        return best;
    }

    private static long Run() => Vector512.IsHardwareAccelerated ? Run512() : Run128To256();

    private static long Run512()
    {
        const int Rounds = 4_000_000;
        Vector512<float> a = Vector512.Create(1.0001f), b = Vector512.Create(1e-5f);
        Vector512<float> c0 = a, c1 = a, c2 = a, c3 = a, c4 = a, c5 = a, c6 = a, c7 = a, c8 = a, c9 = a, c10 = a, c11 = a;
        for (var i = 0; i < Rounds; i++)
        {
            c0 = Vector512.FusedMultiplyAdd(c0, b, a);
            c1 = Vector512.FusedMultiplyAdd(c1, b, a);
            c2 = Vector512.FusedMultiplyAdd(c2, b, a);
            c3 = Vector512.FusedMultiplyAdd(c3, b, a);
            c4 = Vector512.FusedMultiplyAdd(c4, b, a);
            c5 = Vector512.FusedMultiplyAdd(c5, b, a);
            c6 = Vector512.FusedMultiplyAdd(c6, b, a);
            c7 = Vector512.FusedMultiplyAdd(c7, b, a);
            c8 = Vector512.FusedMultiplyAdd(c8, b, a);
            c9 = Vector512.FusedMultiplyAdd(c9, b, a);
            c10 = Vector512.FusedMultiplyAdd(c10, b, a);
            c11 = Vector512.FusedMultiplyAdd(c11, b, a);
        }

        return Keep(Vector512.Sum(c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8 + c9 + c10 + c11)) ? 12L * 2 * 16 * Rounds : 0;
    }

    private static long Run128To256()
    {
        const int Rounds = 4_000_000;
        Vector<float> a = new(1.0001f), b = new(1e-5f);
        Vector<float> c0 = a, c1 = a, c2 = a, c3 = a, c4 = a, c5 = a, c6 = a, c7 = a, c8 = a, c9 = a, c10 = a, c11 = a;
        for (var i = 0; i < Rounds; i++)
        {
            c0 = Vector.MultiplyAddEstimate(c0, b, a);
            c1 = Vector.MultiplyAddEstimate(c1, b, a);
            c2 = Vector.MultiplyAddEstimate(c2, b, a);
            c3 = Vector.MultiplyAddEstimate(c3, b, a);
            c4 = Vector.MultiplyAddEstimate(c4, b, a);
            c5 = Vector.MultiplyAddEstimate(c5, b, a);
            c6 = Vector.MultiplyAddEstimate(c6, b, a);
            c7 = Vector.MultiplyAddEstimate(c7, b, a);
            c8 = Vector.MultiplyAddEstimate(c8, b, a);
            c9 = Vector.MultiplyAddEstimate(c9, b, a);
            c10 = Vector.MultiplyAddEstimate(c10, b, a);
            c11 = Vector.MultiplyAddEstimate(c11, b, a);
        }

        return Keep(Vector.Sum(c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8 + c9 + c10 + c11)) ? 12L * 2 * Vector<float>.Count * Rounds : 0;
    }

    /// <summary>Uses the result, so that the compiler can't leave the work out.</summary>
    private static bool Keep(float sum) => float.IsFinite(sum);
}
