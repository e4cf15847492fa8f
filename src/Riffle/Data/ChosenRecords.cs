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
        byte[] buffer = [];
        foreach (var shard in numbers.Distinct().GroupBy(number => Array.FindLastIndex(first, start => start <= number)))
        {
            using var index = new TFRecordIndex(shards[shard.Key], inOrder: false);
            foreach (var number in shard)
            {
                var record = number - first[shard.Key];
                var range = index.Read(record, ref buffer);
                try
                {
                    found[number] = ImageExample.Parse(buffer.AsSpan(range).ToArray());
                }
                catch (BadDataException e)
                {
                    throw new RecordPlace(shards[shard.Key], shard.Key, record, index.Offset(record)).Damaged(e.Message, e);
                }
            }
        }

        return found;
    }
}
