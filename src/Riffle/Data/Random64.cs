using System.Numerics;

namespace Riffle.Data;

/// <summary>
/// Random numbers that are the same on every machine: xoshiro256** 1.0 (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021) whose
/// state is four successive outputs of SplitMix64 (Steele, Lea and Flood, 2014). A copy of the struct continues from the state of the original.
/// </summary>
internal struct Random64
{
    private const ulong Golden = 0x9E3779B97F4A7C15;

    private ulong _s0, _s1, _s2, _s3;

    internal Random64(ulong s0, ulong s1, ulong s2, ulong s3) => (_s0, _s1, _s2, _s3) = (s0, s1, s2, s3);

    /// <summary>One of 2^64 streams of a seed, or one of 2^64 parts of such a stream. Any other triple gives numbers unrelated to
    /// these.</summary>
    /// <param name="seed">The user's seed.</param>
    /// <param name="stream">The purpose of the numbers, for example initialisation, or augmentation in epoch 3.</param>
    /// <param name="index">The item of the stream, for example an image.</param>
    public static Random64 Create(ulong seed, ulong stream, ulong index = 0)
    {
        // Each step is injective in its newest argument, so triples that differ in one place never share a state.
        var key = Mix(Mix(Mix(seed + Golden) + stream + Golden) + index + Golden);
        return new(SplitMix(ref key), SplitMix(ref key), SplitMix(ref key), SplitMix(ref key));
    }

    /// <summary>64 random bits.</summary>
    public ulong NextUInt64()
    {
        var result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
        var t = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= t;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>A multiple of 2^-24 in [0, 1), all equally likely.</summary>
    public float NextFloat() => (NextUInt64() >> 40) * (1f / (1 << 24));

    /// <summary>A whole number from 0 to <paramref name="exclusive"/> − 1, all exactly equally likely (Lemire, 2019).</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="exclusive"/> is not positive.</exception>
    public int Next(int exclusive)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(exclusive);
        var range = (ulong)exclusive;
        var high = Math.BigMul(NextUInt64(), range, out var low);
        if (low < range)
        {
            for (var threshold = (0 - range) % range; low < threshold;)
                high = Math.BigMul(NextUInt64(), range, out low);
        }

        return (int)high;
    }

    /// <summary>A normally distributed number of mean 0 and deviation 1, by the polar method (Marsaglia and Bray, 1964).</summary>
    public float NextGaussian()
    {
        while (true)
        {
            var (x, y) = (NextSigned(), NextSigned());
            var square = (x * x) + (y * y);
            if (square is > 0 and < 1)
                return (float)(x * Math.Sqrt(-2 * PortableMath.Log(square) / square));
        }
    }

    /// <summary>Puts the items into random order, all orders equally likely (Fisher and Yates).</summary>
    public void Shuffle(Span<int> items)
    {
        for (var last = items.Length - 1; last > 0; last--)
        {
            var other = Next(last + 1);
            (items[last], items[other]) = (items[other], items[last]);
        }
    }

    internal static ulong SplitMix(ref ulong state) => Mix(state += Golden);

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>A multiple of 2^-52 in [-1, 1).</summary>
    private double NextSigned() => ((NextUInt64() >> 11) * (1.0 / (1L << 52))) - 1;
}
