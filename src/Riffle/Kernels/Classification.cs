using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// The fully connected layer of one image, in inference.
/// <code>
/// x    [C]   features, anywhere      w [K][C]
/// y    [K]   logits, side by side
/// </code>
/// With a single position vectors lie over classes, four at a time, and the weights are read once, as one run of memory: that run is what it costs.
/// </summary>
internal readonly unsafe struct Classification
{
    /// <summary>Classes that are computed together: whole vectors of any width, four of those of 256 bits.</summary>
    private const int Together = 32;

    /// <summary>Where the features lie in the block's memory.</summary>
    public readonly long* Inputs { get; init; }

    /// <summary>C.</summary>
    public readonly int InputChannels { get; init; }

    /// <summary>K.</summary>
    public readonly int Classes { get; init; }

    /// <summary>Where the logits lie in the block's memory.</summary>
    public readonly long Output { get; init; }

    /// <summary>One for each logit.</summary>
    public readonly float* Bias { get; init; }

    /// <summary>w as [K / 32][C][32], zero behind K.</summary>
    public readonly float* Weights { get; init; }

    /// <summary>Floats that <see cref="Weights"/> must hold.</summary>
    public long WeightCount => (long)Padded * InputChannels;

    /// <summary>Floats of scratch that are needed.</summary>
    public long Scratch => Padded;

    private int Padded => (Classes + Together - 1) / Together * Together;

    /// <summary>Brings w [K][C] into the order in which it is read.</summary>
    public void Pack(float* weights)
    {
        for (var k = 0; k < Classes; k++)
        {
            var column = Weights + k / Together * (long)InputChannels * Together + k % Together;
            for (var c = 0; c < InputChannels; c++)
                column[(long)c * Together] = weights[(long)k * InputChannels + c];
        }
    }

    /// <summary>y = w · x + bias.</summary>
    public void Infer<TVec>(float* data, float* scratch)
        where TVec : unmanaged, IVec<TVec>
    {
        var weights = Weights;
        for (var k = 0; k < Padded; k += Together, weights += (long)InputChannels * Together)
        {
            for (var part = 0; part < Together; part += 4 * TVec.Count)
                Sum<TVec>(data, weights + part, scratch + k + part);
        }

        for (var k = 0; k < Classes; k++)
            data[Output + k] = scratch[k] + Bias[k];
    }

    /// <summary>Four vectors of classes, or the two that 512 bits make of 32 classes, over all features.</summary>
    private void Sum<TVec>(float* data, float* weights, float* target)
        where TVec : unmanaged, IVec<TVec>
    {
        TVec s0 = TVec.Zero, s1 = TVec.Zero, s2 = TVec.Zero, s3 = TVec.Zero;
        for (var c = 0; c < InputChannels; c++, weights += Together)
        {
            var x = TVec.Broadcast(data[Inputs[c]]);
            TVec.Accumulate(ref s0, x, TVec.Load(weights));
            TVec.Accumulate(ref s1, x, TVec.Load(weights + TVec.Count));
            if (TVec.Count == Together / 2)
                continue;
            TVec.Accumulate(ref s2, x, TVec.Load(weights + 2 * TVec.Count));
            TVec.Accumulate(ref s3, x, TVec.Load(weights + 3 * TVec.Count));
        }

        TVec.Store(target, s0);
        TVec.Store(target + TVec.Count, s1);
        if (TVec.Count == Together / 2)
            return;
        TVec.Store(target + 2 * TVec.Count, s2);
        TVec.Store(target + 3 * TVec.Count, s3);
    }
}
