namespace Riffle.Data;

/// <summary>The random numbers of an epoch: they depend on the seed, the epoch and what they are for, on nothing else. Streams of <see cref="Random64"/> from
/// 2^32 on are taken.</summary>
internal static class EpochRandom
{
    private const ulong ForOrder = 1, ForAugmentation = 2;

    /// <summary>For the augmentation of an image.</summary>
    public static Random64 Augmentation(ulong seed, int epoch, ulong image) => Random64.Create(seed, (ForAugmentation << 32) | (uint)epoch, image);

    /// <summary>Writes the numbers of a split's images, from 0 on, shuffled for an epoch or as they are.</summary>
    public static void FillOrder(Span<int> order, bool shuffle, ulong seed, int epoch)
    {
        for (var i = 0; i < order.Length; i++)
            order[i] = i;
        if (shuffle)
            Random64.Create(seed, (ForOrder << 32) | (uint)epoch).Shuffle(order);
    }
}
