using System.Diagnostics;
using Riffle.Simd;

namespace Riffle.Measurement;

/// <summary>The peak of multiply-adds on this machine, at the vector width of the kernels: twelve independent chains that never leave the
/// registers.</summary>
internal static class PeakFlops
{
    private const int Attempts = 5;
    private const int Rounds = 4_000_000;

    /// <summary>GFLOP/s of as many threads at once, the best of several tries; a tenth of a second or less.</summary>
    /// <param name="threads">At least 1.</param>
    public static double Measure(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        var run = VectorLevels.Best.Run(new Chains());
        double best = 0;
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var counts = new long[threads];
            var start = Stopwatch.GetTimestamp();
            var workers = Enumerable.Range(0, threads).Select(t => new Thread(() => counts[t] = run())).ToArray();
            foreach (var worker in workers)
                worker.Start();
            foreach (var worker in workers)
                worker.Join();
            best = Math.Max(best, counts.Sum() / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e9);
        }

        return best;
    }

    private sealed class Chains : IVectorWork<Func<long>>
    {
        public Func<long> Run<TVec>()
            where TVec : unmanaged, IVec<TVec> => Compute<TVec>;

        /// <summary>Floating-point operations done. The result is looked at, so that the compiler can't leave the work out.</summary>
        private static long Compute<TVec>()
            where TVec : unmanaged, IVec<TVec>
        {
            TVec a = TVec.Broadcast(1.0001f), b = TVec.Broadcast(1e-5f);
            TVec c0 = a, c1 = a, c2 = a, c3 = a, c4 = a, c5 = a, c6 = a, c7 = a, c8 = a, c9 = a, c10 = a, c11 = a;
            for (var i = 0; i < Rounds; i++)
            {
                c0 = TVec.MultiplyAdd(c0, b, a);
                c1 = TVec.MultiplyAdd(c1, b, a);
                c2 = TVec.MultiplyAdd(c2, b, a);
                c3 = TVec.MultiplyAdd(c3, b, a);
                c4 = TVec.MultiplyAdd(c4, b, a);
                c5 = TVec.MultiplyAdd(c5, b, a);
                c6 = TVec.MultiplyAdd(c6, b, a);
                c7 = TVec.MultiplyAdd(c7, b, a);
                c8 = TVec.MultiplyAdd(c8, b, a);
                c9 = TVec.MultiplyAdd(c9, b, a);
                c10 = TVec.MultiplyAdd(c10, b, a);
                c11 = TVec.MultiplyAdd(c11, b, a);
            }

            var sum = TVec.Sum(c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8 + c9 + c10 + c11);
            return float.IsFinite(sum) ? 12L * 2 * TVec.Count * Rounds : 0;
        }
    }
}
