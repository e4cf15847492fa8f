using System.Diagnostics;
using System.Runtime.CompilerServices;
using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>A way to read a plane.</summary>
internal interface IPlaneReader<TVec>
{
    /// <summary>The vector that begins i floats on.</summary>
    TVec At(long i);
}

/// <summary>A plane whose values are final.</summary>
internal readonly unsafe struct FinalPlane<TVec>(float* x) : IPlaneReader<TVec>
    where TVec : unmanaged, IVec<TVec>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVec At(long i) => TVec.Load(x + i);
}

/// <summary>A plane with what is deferred on it: clamp(scale · x + shift).</summary>
internal readonly unsafe struct DeferredPlane<TVec>(float* x, TVec scale, TVec shift, Clamp<TVec> clamp) : IPlaneReader<TVec>
    where TVec : unmanaged, IVec<TVec>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVec At(long i) => clamp.Apply(TVec.MultiplyAdd(scale, TVec.Load(x + i), shift));
}

/// <summary>Reads planes with what is deferred on them, and writes gradients. Pointers are to parts of planes; lengths are multiples of 16 floats.</summary>
internal static unsafe class PlaneAccess
{
    /// <summary>clamp(scale · x + shift) for a part of a plane.</summary>
    public static void Read<TVec>(in Planes planes, in Block block, int plane, long start, int length, float* target)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireLanes(length);
        Debug.Assert(start % Lanes.Count == 0, $"a part that begins at {start}");
        var value = Reader<TVec>(planes, block, plane, start);
        for (var i = 0; i < length; i += TVec.Count)
            TVec.Store(target + i, value.At(i));
    }

    /// <summary>clamp(scale · x + shift) from a place of a plane on, a vector at a time.</summary>
    public static DeferredPlane<TVec> Reader<TVec>(in Planes planes, in Block block, int plane, long start)
        where TVec : unmanaged, IVec<TVec> => new(
            block.Data + planes.Offset[plane] + start,
            TVec.Broadcast(planes.Scale[plane]),
            TVec.Broadcast(planes.Shift[plane]),
            planes.Clamp[plane].For<TVec>());

    /// <summary>Gradient with respect to x for a part of a plane, zero in unused lanes.</summary>
    public static void ReadGradient<TVec>(in Planes planes, in Block block, int plane, long start, int length, float* target)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireLanes(length);
        Debug.Assert(start % Lanes.Count == 0, $"a part that begins at {start}");
        var dz = block.Gradients + planes.GradientOffset[plane] + start;
        if (!planes.IsNormed[plane])
        {
            new ReadOnlySpan<float>(dz, length).CopyTo(new Span<float>(target, length));
            return;
        }

        var x = block.Data + planes.Offset[plane] + start;
        var scale = TVec.Broadcast(planes.GradientScale[plane]);
        var slope = TVec.Broadcast(planes.GradientSlope[plane]);
        var shift = TVec.Broadcast(planes.GradientShift[plane]);
        for (var i = 0; i < length; i += TVec.Count)
            TVec.Store(target + i, TVec.MultiplyAdd(scale, TVec.Load(dz + i), TVec.MultiplyAdd(slope, TVec.Load(x + i), shift)));

        if (!block.HasUnusedLanes)
            return;
        for (var i = 0; i < length; i += TVec.Count)
            TVec.Store(target + i, TVec.Load(target + i) * TVec.Load(block.LaneMask + i % Lanes.Count));
    }

    /// <summary>Takes in the gradient with respect to the value read (after the clamp) for a part of a plane: adds, masks and gathers sums as <paramref name="write"/>
    /// says.</summary>
    public static void AddGradient<TVec>(in Planes planes, in Block block, int plane, long start, int length, float* gradient, GradientWrite write)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireLanes(length);
        Debug.Assert(start % Lanes.Count == 0, $"a part that begins at {start}");
        if ((write & (GradientWrite.None | GradientWrite.Shared)) != 0)
            return;
        var dz = block.Gradients + planes.GradientOffset[plane] + start;
        var add = (write & GradientWrite.Accumulate) != 0;
        if ((write & GradientWrite.Final) == 0)
        {
            if (add)
            {
                for (var i = 0; i < length; i += TVec.Count)
                    TVec.Store(dz + i, TVec.Load(dz + i) + TVec.Load(gradient + i));
            }
            else
            {
                new ReadOnlySpan<float>(gradient, length).CopyTo(new Span<float>(dz, length));
            }

            return;
        }

        // An addend has no ReLU of its own and shares this gradient: only its sums are missing.
        var gathered = planes.Addend[plane] >= 0 ? planes.Addend[plane] : plane;
        var term = new FinalGradient<TVec>(
            block.Data + planes.Offset[plane] + start,
            block.Data + planes.Offset[gathered] + start,
            gradient,
            dz,
            TVec.Broadcast(planes.Scale[plane]),
            TVec.Broadcast(planes.Shift[plane]),
            planes.Clamp[plane].For<TVec>(),
            TVec.Broadcast(planes.Mean[gathered]));
        var sums = block.SumsOf(gathered);
        var first = start == 0;
        if ((write & GradientWrite.NonTemporal) != 0)
            Contract.RequireAligned(dz);
        switch (add, (write & GradientWrite.NonTemporal) != 0)
        {
            case (false, false): Gather<TVec, FinalGradient<TVec>>(term, length, sums, first); break;
            case (true, false): Gather<TVec, FinalGradient<TVec>.Added>(new(term), length, sums, first); break;
            case (false, true): Gather<TVec, FinalGradient<TVec>.NonTemporal>(new(term), length, sums, first); break;
            default: Gather<TVec, FinalGradient<TVec>.AddedNonTemporal>(new(term), length, sums, first); break;
        }
    }

    /// <summary>Gathers Σx and Σx² of a part of a plane just written, lane by lane.</summary>
    public static void GatherSums<TVec>(in Planes planes, in Block block, int plane, long start, int length)
        where TVec : unmanaged, IVec<TVec> =>
        Gather<TVec, Square<TVec>>(new(block.Data + planes.Offset[plane] + start), length, block.SumsOf(plane), first: start == 0);

    /// <summary>
    /// sums[lane] (+)= Σ value and sums[16 + lane] (+)= Σ value · factor. Four vectors at a time, each with sums of its own: additions that wait for
    /// each other would take four times as long.
    /// </summary>
    private static void Gather<TVec, TTerm>(TTerm term, int length, float* sums, bool first)
        where TVec : unmanaged, IVec<TVec>
        where TTerm : struct, ITerm<TVec>
    {
        // Vectors narrower than four lanes need several rounds to see all lanes.
        int step = Math.Max(Lanes.Count, 4 * TVec.Count), group = Math.Min(Lanes.Count, 4 * TVec.Count);
        for (var lane = 0; lane < Lanes.Count; lane += group)
        {
            TVec s0 = TVec.Zero, s1 = TVec.Zero, s2 = TVec.Zero, s3 = TVec.Zero;
            TVec q0 = TVec.Zero, q1 = TVec.Zero, q2 = TVec.Zero, q3 = TVec.Zero;
            var i = lane;
            for (; i + 4 * TVec.Count <= length; i += step)
            {
                var v0 = term.Value(i);
                s0 += v0;
                TVec.Accumulate(ref q0, v0, term.Factor(i, v0));
                var v1 = term.Value(i + TVec.Count);
                s1 += v1;
                TVec.Accumulate(ref q1, v1, term.Factor(i + TVec.Count, v1));
                var v2 = term.Value(i + 2 * TVec.Count);
                s2 += v2;
                TVec.Accumulate(ref q2, v2, term.Factor(i + 2 * TVec.Count, v2));
                var v3 = term.Value(i + 3 * TVec.Count);
                s3 += v3;
                TVec.Accumulate(ref q3, v3, term.Factor(i + 3 * TVec.Count, v3));
            }

            // What is left of wide vectors, a position at a time: one vector of 16 lanes, or two of 8.
            for (; TVec.Count >= 8 && i < length; i += Lanes.Count)
            {
                var v0 = term.Value(i);
                s0 += v0;
                TVec.Accumulate(ref q0, v0, term.Factor(i, v0));
                if (TVec.Count == 8)
                {
                    var v1 = term.Value(i + 8);
                    s1 += v1;
                    TVec.Accumulate(ref q1, v1, term.Factor(i + 8, v1));
                }
            }

            Fold(sums + lane, first, s0, s1, s2, s3);
            Fold(sums + Lanes.Count + lane, first, q0, q1, q2, q3);
        }
    }

    /// <summary>Four sums whose lanes follow each other, or are the same where vectors hold eight lanes or more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fold<TVec>(float* sums, bool first, TVec s0, TVec s1, TVec s2, TVec s3)
        where TVec : unmanaged, IVec<TVec>
    {
        if (TVec.Count == 16)
        {
            Put(sums, first, s0 + s1 + (s2 + s3));
            return;
        }

        if (TVec.Count == 8)
        {
            Put(sums, first, s0 + s2);
            Put(sums + 8, first, s1 + s3);
            return;
        }

        Put(sums, first, s0);
        Put(sums + TVec.Count, first, s1);
        Put(sums + 2 * TVec.Count, first, s2);
        Put(sums + 3 * TVec.Count, first, s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<TVec>(float* sums, bool first, TVec sum)
        where TVec : unmanaged, IVec<TVec> => TVec.Store(sums, first ? sum : TVec.Load(sums) + sum);

    /// <summary>What is summed: value, and value · factor.</summary>
    private interface ITerm<TVec>
    {
        TVec Value(int i);

        TVec Factor(int i, TVec value);
    }

    private readonly struct Square<TVec>(float* x) : ITerm<TVec>
        where TVec : unmanaged, IVec<TVec>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public TVec Value(int i) => TVec.Load(x + i);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public TVec Factor(int i, TVec value) => value;
    }

    /// <summary>The last gradient of a plane: masked by the clamp and stored; the factor is batch norm's x − mean.</summary>
    private readonly struct FinalGradient<TVec>(float* x, float* normed, float* gradient, float* dz, TVec scale, TVec shift, Clamp<TVec> clamp, TVec mean) : ITerm<TVec>
        where TVec : unmanaged, IVec<TVec>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public TVec Value(int i) => Store(i, Masked(i, Alone(i)));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public TVec Factor(int i, TVec value) => TVec.Load(normed + i) - mean;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private TVec Alone(int i) => TVec.Load(gradient + i);

        /// <summary>This gradient, added to those before it.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private TVec Sum(int i) => TVec.Load(gradient + i) + TVec.Load(dz + i);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private TVec Masked(int i, TVec value) => clamp.Mask(TVec.MultiplyAdd(scale, TVec.Load(x + i), shift), value);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private TVec Store(int i, TVec value)
        {
            TVec.Store(dz + i, value);
            return value;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private TVec StoreNonTemporal(int i, TVec value)
        {
            TVec.StoreNonTemporal(dz + i, value);
            return value;
        }

        /// <summary>The same, added to those before it.</summary>
        public readonly struct Added(FinalGradient<TVec> last) : ITerm<TVec>
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public TVec Value(int i) => last.Store(i, last.Masked(i, last.Sum(i)));

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public TVec Factor(int i, TVec value) => last.Factor(i, value);
        }

        /// <summary>The same, stored around the caches.</summary>
        public readonly struct NonTemporal(FinalGradient<TVec> last) : ITerm<TVec>
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public TVec Value(int i) => last.StoreNonTemporal(i, last.Masked(i, last.Alone(i)));

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public TVec Factor(int i, TVec value) => last.Factor(i, value);
        }

        /// <summary>Both.</summary>
        public readonly struct AddedNonTemporal(FinalGradient<TVec> last) : ITerm<TVec>
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public TVec Value(int i) => last.StoreNonTemporal(i, last.Masked(i, last.Sum(i)));

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public TVec Factor(int i, TVec value) => last.Factor(i, value);
        }
    }
}
