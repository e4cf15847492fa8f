using Riffle.Formats;

namespace Riffle.Data;

/// <summary>Reads single records of a data set by their number.</summary>
internal static class ChosenRecords
{
    /// <summary>Reads records of a split.</summary>
    /// <param name="data">The data set.</param>
    /// <param name="split">The split.</param>
    /// <param name="numbers">Their indices in the split.</param>
    /// <returns>The records by their number; none if <c>dataset.json</c> does not say how many each shard has.</returns>
    /// <exception cref="BadDataException">A record is damaged; the message names file and offset.</exception>
    /// <exception cref="RiffleException">A shard can't be read.</exception>
    public static Dictionary<int, ImageExample> Read(Dataset data, Split split, IEnumerable<int> numbers)
    {
        var found = new Dictionary<int, ImageExample>();
        if (data.FirstOfShard(split) is not { } first)
            return found;
        var shards = data.Shards(split);
        foreach (var shard in numbers.Distinct().GroupBy(number => Array.FindLastIndex(first, start => start <= number)))
        {
            foreach (var (record, example) in Read(shards[shard.Key], shard.Select(number => (long)number - first[shard.Key])))
                found[(int)record + first[shard.Key]] = example;
        }

        return found;
    }

    /// <summary>Reads records of a shard.</summary>
    /// <param name="shard">The file.</param>
    /// <param name="records">Their numbers, from 0.</param>
    /// <exception cref="BadDataException">A record is damaged; the message names file and offset.</exception>
    /// <exception cref="RiffleException">The shard can't be read.</exception>
    public static IEnumerable<(long Record, ImageExample Example)> Read(string shard, IEnumerable<long> records)
    {
        byte[] buffer = [];
        using var index = new TFRecordIndex(shard, inOrder: false);
        foreach (var record in records)
        {
            var range = index.Read((int)record, ref buffer);
            ImageExample example;
            try
            {
                example = ImageExample.Parse(buffer.AsSpan(range).ToArray());
            }
            catch (BadDataException e)
            {
                throw new RecordPlace(shard, 0, record, index.Offset((int)record)).Damaged(e.Message, e);
            }

            yield return (record, example);
        }
    }
}
