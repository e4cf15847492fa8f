namespace Riffle.Data;

/// <summary>A part of each full batch: where it begins, and how many images it has.</summary>
internal readonly record struct BatchShare(int First, int Count);

/// <summary>The images of a split in the order of an epoch, or of a share of each of its batches. A position counts the images of the share.</summary>
internal sealed class EpochOrder(int images, bool shuffle, ulong seed, int batch, BatchShare? share)
{
    private readonly int[] _order = new int[images];

    /// <summary>Begins an epoch.</summary>
    public void Fill(int epoch) => EpochRandom.FillOrder(_order, shuffle, seed, epoch);

    /// <summary>The number of the image at a position.</summary>
    public int this[int position] => _order[share is var (first, count) ? position / count * batch + first + position % count : position];
}
