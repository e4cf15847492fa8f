using FsCheck;
using FsCheck.Fluent;
using Riffle.Recipes;
using Riffle.Tests.Training;

namespace Riffle.Tests.Recipes;

public class ScheduleTests
{
    private static readonly Arbitrary<(ScheduleKind Kind, int Steps, int Epochs, double WarmUp, double Rate, double Minimum)> Cases =
        (from kind in Gen.Elements(Enum.GetValues<ScheduleKind>())
         from steps in Gen.Choose(1, 900)
         from epochs in Gen.Choose(1, 60)
         from warmUp in Gen.Choose(0, 30)
         from rate in Gen.Choose(1, 1000)
         from minimum in Gen.Choose(0, 5)
         select (kind, steps, epochs, warmUp / 10.0, rate / 1000.0, minimum / 1000.0)).ToArbitrary();

    [Fact]
    public void Plateau_drops_are_those_of_PyTorch()
    {
        using var fixture = TorchOptimisers.Read();
        var accuracies = fixture.RootElement.GetProperty("accuracies").EnumerateArray().Select(e => e.GetDouble()).ToArray();
        var seen = 0;
        foreach (var plateau in fixture.RootElement.GetProperty("plateaus").EnumerateArray())
        {
            var schedule = new Schedule { Patience = plateau.GetProperty("patience").GetInt32(), Cooldown = plateau.GetProperty("cooldown").GetInt32() };
            for (var epochs = 1; epochs <= accuracies.Length; epochs++)
            {
                var expected = -Math.Log2(plateau.GetProperty("rates")[epochs - 1].GetDouble());
                Assert.Equal(expected, schedule.PlateauDrops(accuracies.Take(epochs)));
                seen += (int)expected;
            }
        }

        Assert.True(seen > 100, "the fixture has plateaus that drop");
    }

    [Fact]
    public void The_rate_rises_in_warm_up_then_never_rises_again_and_stays_within_its_bounds() => Prop.ForAll(Cases, c =>
    {
        var schedule = Of(c);
        var total = (long)c.Steps * c.Epochs;
        var warmUp = Math.Min((long)Math.Round(c.WarmUp * c.Steps), total);
        var last = 0.0;
        for (long step = 0; step < total; step++)
        {
            var rate = schedule.At(step, c.Steps, c.Epochs, drops: 1);
            if (rate < 0 || rate > c.Rate * (1 + 1e-12) || (step > 0 && step < warmUp && rate <= last) || (step > warmUp && rate > last + 1e-15))
                return false;
            if (step >= warmUp && rate < Math.Min(c.Minimum, c.Rate))
                return false;
            last = rate;
        }

        return true;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Warm_up_is_linear_and_ends_at_the_full_rate() => Prop.ForAll(Cases, c =>
    {
        var schedule = Of(c) with { Minimum = 0 };
        var warmUp = (long)Math.Round(c.WarmUp * c.Steps);
        return warmUp < 1
            || (Math.Abs(schedule.At(0, c.Steps, c.Epochs) * warmUp - c.Rate) < 1e-9 && Math.Abs(schedule.At(warmUp - 1, c.Steps, c.Epochs) - c.Rate) < 1e-12);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Cosine_is_the_rate_at_its_start_half_of_it_midway_and_almost_nothing_at_its_end()
    {
        var schedule = new Schedule { Kind = ScheduleKind.Cosine, LearningRate = 0.4, WarmUpEpochs = 1 };
        Assert.Equal(0.4, schedule.At(100, 100, 11), 12);
        Assert.Equal(0.2, schedule.At(600, 100, 11), 12);
        Assert.Equal(0.2 * (1 + Math.Cos(Math.PI * 0.3)), schedule.At(400, 100, 11), 12);
        Assert.InRange(schedule.At(1099, 100, 11), 1e-9, 1e-5);
    }

    /// <summary>Loshchilov and Hutter, 2017, equation 5 with one period and a minimum of 0, as cos²: (1 + cos 2x) / 2.</summary>
    [Fact]
    public void Cosine_is_its_definition_in_every_step() => Prop.ForAll(Cases, c =>
    {
        var schedule = Of(c) with { Kind = ScheduleKind.Cosine, Minimum = 0 };
        var (total, warmUp) = ((double)c.Steps * c.Epochs, Math.Round(c.WarmUp * c.Steps));
        for (var step = (long)warmUp; step < total; step++)
        {
            var cosine = Math.Cos(Math.PI / 2 * (step - warmUp) / (total - warmUp));
            Assert.Equal(c.Rate * cosine * cosine, schedule.At(step, c.Steps, c.Epochs), 1e-12);
        }
    }).QuickCheckThrowOnFailure();

    /// <summary>Patience 1, cooldown 0: two epochs without gain are a drop.</summary>
    [Fact]
    public void A_plateau_ends_after_so_many_drops_in_a_row_without_gain()
    {
        var schedule = new Schedule { Kind = ScheduleKind.Plateau, Patience = 1, DropsToEnd = 3 };

        // Two drops, a gain, which begins the count anew, and then three.
        double[] accuracies = [10, 9, 9, 9, 9, 11, 8, 8, 8, 8, 8, 8];
        for (var epochs = 0; epochs < accuracies.Length; epochs++)
            Assert.False(schedule.HasEnded(accuracies.Take(epochs)), $"after {epochs} epochs");
        Assert.True(schedule.HasEnded(accuracies));
        Assert.Equal(5, schedule.PlateauDrops(accuracies));
        Assert.False((schedule with { DropsToEnd = 0 }).HasEnded(accuracies));
        Assert.False((schedule with { Kind = ScheduleKind.Cosine }).HasEnded(accuracies));
    }

    /// <summary>An epoch drops the rate when it is more than the patience behind the last that was the best, that dropped, or that cooled down.</summary>
    [Fact]
    public void A_plateau_is_its_definition_for_any_accuracies() => Prop.ForAll(
        (from accuracies in Gen.Choose(0, 12).ListOf()
         from patience in Gen.Choose(0, 4)
         from cooldown in Gen.Choose(0, 4)
         select (accuracies.Select(a => a / 3.0).ToArray(), patience, cooldown)).ToArbitrary(),
        c =>
        {
            var (accuracies, patience, cooldown) = c;
            var schedule = new Schedule { Patience = patience, Cooldown = cooldown };
            var drops = new List<int>();
            for (var epoch = 0; epoch < accuracies.Length; epoch++)
            {
                var best = Enumerable.Range(0, epoch + 1).Last(e => accuracies.Take(e).All(earlier => accuracies[e] > earlier));
                var cooled = drops.Count > 0 ? Math.Min(epoch, drops[^1] + cooldown) : 0;
                if (epoch - Math.Max(best, cooled) > patience)
                    drops.Add(epoch);
                Assert.Equal(drops.Count, schedule.PlateauDrops(accuracies.Take(epoch + 1)));
            }
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Steps_drop_at_the_epochs_that_they_name()
    {
        var schedule = new Schedule { Kind = ScheduleKind.Step, LearningRate = 1, Factor = 0.1, StepEpochs = 3, Minimum = 0.005 };
        double[] expected = [1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.005, 0.005];
        for (var epoch = 0; epoch < expected.Length; epoch++)
        {
            Assert.Equal(expected[epoch], schedule.At(epoch * 7, 7, 11), 12);
            Assert.Equal(expected[epoch], schedule.At(epoch * 7 + 6, 7, 11), 12);
        }
    }

    [Fact]
    public void A_plateau_multiplies_by_the_factor_for_each_drop_down_to_the_minimum()
    {
        var schedule = new Schedule { Kind = ScheduleKind.Plateau, LearningRate = 0.1, Minimum = 0.0005 };
        Assert.Equal([0.1, 0.01, 0.001, 0.0005], Enumerable.Range(0, 4).Select(drops => Math.Round(schedule.At(50, 10, 100, drops), 12)));
    }

    private static Schedule Of((ScheduleKind Kind, int Steps, int Epochs, double WarmUp, double Rate, double Minimum) c) =>
        new() { Kind = c.Kind, LearningRate = c.Rate, WarmUpEpochs = c.WarmUp, StepEpochs = 4, Minimum = c.Minimum };
}
