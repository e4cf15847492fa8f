using Riffle.Data;
using Riffle.Models;
using Riffle.Recipes;

namespace Riffle.Tests.Models;

public class TrainingRecordTests
{
    [Theory]
    [InlineData("50/2 60/1.5 55/1", 2)]
    [InlineData("50/2 60/1.5 60/1.2 60/1.3", 3)]
    [InlineData("60/1.5 60/1.5", 1)]
    [InlineData("100/0.9 99/0.1", 1)]
    public void The_best_epoch_has_the_highest_top_1_and_then_the_lowest_loss(string history, int best)
    {
        var epochs = history.Split(' ').Select((epoch, i) =>
        {
            var values = epoch.Split('/').Select(value => double.Parse(value, System.Globalization.CultureInfo.InvariantCulture)).ToArray();
            return new EpochMetrics(i + 1, 0.1, new(1, 1, 1), new(values[1], values[0], 100));
        });
        var record = new TrainingRecord(Recipe.Best, 0, new DatasetIdentity("0", 1, 1), Progress.None, [.. epochs]);
        Assert.Equal(best, record.Best!.Epoch);
        Assert.Equal(1, (record with { TakenAfter = 1 }).Measured!.Epoch);
    }
}
