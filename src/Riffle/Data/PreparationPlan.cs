using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Riffle.Data.Sources;

namespace Riffle.Data;

/// <summary>A shard to be written: the records from where the one before it ends.</summary>
internal readonly record struct PlannedShard(Split Split, string Name, int End);

/// <summary>
/// The position of each record, known before any image is read. Positions count all training records, then validation, then test. Each split is ordered
/// by a hash of seed and name, which mixes the classes, and cut into shards of equal length. It depends only on names, seed and options.
/// </summary>
internal sealed class PreparationPlan
{
    private PreparationPlan(IReadOnlyList<LabelledImage> images, int[][] positions, IReadOnlyList<PlannedShard> shards) =>
        (Images, Positions, Shards) = (images, positions, shards);

    /// <summary>The images, ordered by the first position of each.</summary>
    public IReadOnlyList<LabelledImage> Images { get; }

    /// <summary>For each image the positions of its records: one, or one for each baked copy.</summary>
    public int[][] Positions { get; }

    /// <summary>The shards: training, validation, test.</summary>
    public IReadOnlyList<PlannedShard> Shards { get; }

    /// <summary>Number of positions.</summary>
    public int Records => Shards.Count == 0 ? 0 : Shards[^1].End;

    /// <summary>Orders all records.</summary>
    /// <param name="images">The images, with their splits.</param>
    /// <param name="options">The options.</param>
    public static PreparationPlan Make(LabelledImage[] images, PreparationOptions options)
    {
        var shards = new List<PlannedShard>();
        var imageAt = new List<int>();
        foreach (var split in Splits.All)
        {
            var (copies, wanted) = split == Split.Train ? (Math.Max(1, options.BakeCopies), options.Shards) : (1, (options.Shards + 3) / 4);
            var ordered = Order(images, split, copies, options.Seed);
            AddShards(shards, split, imageAt.Count, ordered.Count, wanted);
            imageAt.AddRange(ordered);
        }

        return Arrange(images, imageAt, shards);
    }

    /// <summary>64 bits of SHA-256 over seed, purpose and name.</summary>
    public static ulong Hash(ulong seed, string purpose, string name)
    {
        var text = Encoding.UTF8.GetBytes($"{seed}\n{purpose}\n{name}");
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(text, hash);
        return BinaryPrimitives.ReadUInt64LittleEndian(hash);
    }

    private static List<int> Order(LabelledImage[] images, Split split, int copies, ulong seed)
    {
        var keys = new List<(ulong Key, string Name, int Copy, int Image)>();
        for (var i = 0; i < images.Length; i++)
        {
            for (var copy = 0; copy < copies && images[i].Split == split; copy++)
                keys.Add((Hash(seed, copy == 0 ? "order" : $"order {copy}", images[i].Name), images[i].Name, copy, i));
        }

        keys.Sort((a, b) => a.Key != b.Key ? a.Key.CompareTo(b.Key) : a.Copy != b.Copy ? a.Copy.CompareTo(b.Copy)
            : string.CompareOrdinal(a.Name, b.Name) is not 0 and var order ? order : a.Image.CompareTo(b.Image));
        return [.. keys.Select(key => key.Image)];
    }

    private static void AddShards(List<PlannedShard> shards, Split split, int start, int records, int wanted)
    {
        var count = Math.Min(wanted, records);
        for (var i = 0; i < count; i++)
            shards.Add(new PlannedShard(split, DatasetFiles.Shard(split, i, count), start + (int)((long)records * (i + 1) / count)));
    }

    private static PreparationPlan Arrange(LabelledImage[] images, List<int> imageAt, List<PlannedShard> shards)
    {
        var order = new List<LabelledImage>(images.Length);
        var place = new Dictionary<int, int>(images.Length);
        var positions = new List<List<int>>(images.Length);
        for (var position = 0; position < imageAt.Count; position++)
        {
            var image = imageAt[position];
            if (!place.TryGetValue(image, out var index))
            {
                place.Add(image, index = order.Count);
                order.Add(images[image]);
                positions.Add([]);
            }

            positions[index].Add(position);
        }

        return new PreparationPlan(order, [.. positions.Select(p => p.ToArray())], shards);
    }
}
