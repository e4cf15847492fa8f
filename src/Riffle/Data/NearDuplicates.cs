using System.Collections.Immutable;
using System.Numerics;

namespace Riffle.Data;

/// <summary>An image of a data set, for a finding.</summary>
/// <param name="Split">Its split.</param>
/// <param name="Label">Its label.</param>
/// <param name="File">Its shard; empty for a source.</param>
/// <param name="Record">The number of its record in the shard, from 0.</param>
/// <param name="Name">The name of the image file.</param>
public sealed record CheckedImage(Split Split, int Label, string File, long Record, string Name);

/// <summary>Images that look alike: copies at another size or quality, of another cut or brightness, mirror images, neighbours in a series.</summary>
/// <param name="Members">At least two, in the order of the data set.</param>
public sealed record NearDuplicateGroup(ImmutableArray<CheckedImage> Members)
{
    /// <summary>Whether they are in both splits, so that accuracy is measured on images that were learnt from.</summary>
    public bool IsAcrossSplits => Members.Any(image => image.Split != Members[0].Split);

    /// <summary>Whether they are in several classes.</summary>
    public bool IsAcrossClasses => Members.Any(image => image.Label != Members[0].Label);
}

/// <summary>
/// Finds images that look alike among many. Hashes that differ in at most seven of 64 bits differ in at most one of some quarter of them: each image is looked
/// up by its quarters and by those with a bit changed (Norouzi et al., "Fast Search in Hamming Space with Multi-Index Hashing", 2012).
/// </summary>
internal sealed class NearDuplicates
{
    private const int Quarters = 4, BitsOfQuarter = 64 / Quarters, Buckets = 1 << BitsOfQuarter;

    /// <summary>An image that differs from one before it in no more bits than this is found through that one: where thousands look alike, it need not be looked up.</summary>
    private const int SameBits = 1;

    private readonly List<(PictureHash Hash, CheckedImage Image)> _all = [];

    /// <summary>The group's first image, or one on the way to it.</summary>
    private readonly List<int> _parents = [];

    /// <summary>For each quarter and value the last image that has it, and for each image the one before it.</summary>
    private readonly int[] _last = new int[Quarters * Buckets];

    private readonly List<int> _before = [];

    public NearDuplicates() => Array.Fill(_last, -1);

    /// <summary>Takes an image, and joins it with those before it that look like it.</summary>
    public void Add(PictureHash hash, CheckedImage image)
    {
        var number = _all.Count;
        _all.Add((hash, image));
        _parents.Add(number);
        var isKnown = Find(hash, hash.Bits, mirrored: false, number);
        if (hash.Mirrored != hash.Bits)
            Find(hash, hash.Mirrored, mirrored: true, number);
        for (var quarter = 0; quarter < Quarters; quarter++)
        {
            ref var last = ref _last[Bucket(hash.Bits, quarter)];
            _before.Add(last);
            if (!isKnown)
                last = number;
        }
    }

    /// <summary>The groups: across the splits first, then across classes, then the larger ones.</summary>
    public ImmutableArray<NearDuplicateGroup> ToArray() =>
    [
        .. Enumerable.Range(0, _all.Count).GroupBy(First).Where(group => group.Skip(1).Any())
            .Select(group => new NearDuplicateGroup([.. group.Select(number => _all[number].Image)]))
            .OrderByDescending(group => group.IsAcrossSplits).ThenByDescending(group => group.IsAcrossClasses).ThenByDescending(group => group.Members.Length),
    ];

    private static int Bucket(ulong bits, int quarter) => (quarter * Buckets) + (int)((bits >> (quarter * BitsOfQuarter)) & (Buckets - 1));

    /// <summary>Joins an image with those that look like it.</summary>
    /// <returns>Whether one of them has almost the same hash.</returns>
    private bool Find(PictureHash hash, ulong bits, bool mirrored, int number)
    {
        var isKnown = false;
        for (var quarter = 0; quarter < Quarters; quarter++)
        {
            for (var changed = -1; changed < BitsOfQuarter; changed++)
            {
                var key = changed < 0 ? bits : bits ^ (1UL << ((quarter * BitsOfQuarter) + changed));
                for (var other = _last[Bucket(key, quarter)]; other >= 0; other = _before[(other * Quarters) + quarter])
                {
                    var distance = BitOperations.PopCount(bits ^ _all[other].Hash.Bits);
                    if (distance > PictureHash.MostBits || !hash.IsLike(_all[other].Hash, mirrored))
                        continue;
                    _parents[First(number)] = First(other);
                    isKnown |= distance <= SameBits;
                }
            }
        }

        return isKnown;
    }

    private int First(int number)
    {
        while (_parents[number] != number)
            number = _parents[number] = _parents[_parents[number]];
        return number;
    }
}
