using Riffle.Cli;
using Riffle.Evaluation;
using Riffle.Models;
using Riffle.Training;

namespace Riffle.Tests.Training;

public sealed class TrainingDisplayTests : IDisposable
{
    private readonly StringWriter _output = new() { NewLine = "\n" };
    private readonly HandClock _clock = new();

    public void Dispose() => _output.Dispose();

    [Fact]
    public void Without_a_terminal_there_is_a_line_every_ten_seconds_and_a_row_for_each_epoch()
    {
        var display = new TrainingDisplay(_output, live: false, () => 200, _clock, classes: 10);
        display.Started(Place(1, 0));
        for (var step = 1; step <= 100; step++)
        {
            _clock.Advance(0.25);
            display.Stepped(Place(1, step));
        }

        display.Validated(50, 1000);
        display.EpochEnded(Report(1));
        Assert.Equal(
            """
                        learning  training                            validation
              epoch         rate      loss      cost   top-1   top-5        loss   top-1   top-5   images/s       time
            epoch 1/3, step 40/100: loss 2.000, top-1 25.0 %, 128 images/s, 15.0 s left, 1 min 05 s for the run
            epoch 1/3, step 80/100: loss 2.000, top-1 25.0 %, 128 images/s, 5.0 s left, 55.0 s for the run
                1/3     0.200000    2.0000    2.2500   25.00   50.00      1.5000   40.00   70.00        128     30.0 s  best

            """,
            _output.ToString());
    }

    [Theory]
    [InlineData(2, 0)]
    [InlineData(5, 0)]
    [InlineData(6, 2)]
    public void Top_5_is_shown_where_it_says_anything(int classes, int columns)
    {
        var display = new TrainingDisplay(_output, live: false, () => 200, _clock, classes);
        display.Started(Place(1, 0));
        display.EpochEnded(Report(1));
        var lines = _output.ToString().Split('\n');
        Assert.Equal(columns, lines[1].Split("top-5").Length - 1);

        // Headings and values end below each other.
        foreach (var (heading, value) in ((string, string)[])[("images/s", " 128 "), ("time", "30.0 s")])
            Assert.Equal(lines[1].IndexOf(heading, StringComparison.Ordinal) + heading.Length, lines[2].IndexOf(value, StringComparison.Ordinal) + value.TrimEnd().Length);
        Assert.Equal(lines[0].IndexOf("validation", StringComparison.Ordinal), lines[1].LastIndexOf("loss", StringComparison.Ordinal) - 6);
    }

    [Fact]
    public void Time_left_counts_validation_once_it_is_known()
    {
        var display = new TrainingDisplay(_output, live: false, () => 200, _clock, classes: 10);
        display.Started(Place(1, 0));
        display.EpochEnded(Report(1));
        for (var step = 1; step <= 50; step++)
        {
            _clock.Advance(0.25);
            display.Stepped(Place(2, step));
        }

        // 0.25 s for each of 60 and then 100 steps, and 5 s for each of two validations.
        Assert.Contains("epoch 2/3, step 40/100: loss 2.000, top-1 25.0 %, 128 images/s, 20.0 s left, 50.0 s for the run", _output.ToString());
    }

    [Fact]
    public void On_a_terminal_a_live_line_fits_the_width_and_gives_way_to_the_row()
    {
        var display = new TrainingDisplay(_output, live: true, () => 40, _clock, classes: 10);
        display.Started(Place(1, 50));
        _clock.Advance(1);
        display.Stepped(Place(1, 51));
        display.Stepped(Place(1, 52));
        display.EpochEnded(Report(1));
        var lines = _output.ToString().Split('\n');
        Assert.Equal("\r██████████░░░░░░░░░░ epoch 1/3, step 51\r" + new string(' ', 39) + "\r    1/3", lines[2][..88]);
        Assert.DoesNotContain("52/", lines[2]);
    }

    [Fact]
    public void Steps_of_before_a_resume_took_no_time()
    {
        var display = new TrainingDisplay(_output, live: false, () => 200, _clock, classes: 10);
        display.Started(Place(1, 80));
        _clock.Advance(10);
        display.Stepped(Place(1, 90));
        Assert.Contains("32 images/s, 10.0 s left", _output.ToString());
    }

    [Theory]
    [InlineData(2, "2")]
    [InlineData(1, "ends here")]
    public void Fewer_epochs_are_told_and_counted(int epochs, string said)
    {
        var display = new TrainingDisplay(_output, live: false, () => 200, _clock, classes: 10);
        display.Started(Place(1, 0));
        display.EpochEnded(Report(1) with { ShortenedTo = epochs });
        var line = _output.ToString().TrimEnd().Split('\n')[^1];
        Assert.Contains("3 epochs", line);
        Assert.Contains(said, line);
        _clock.Advance(10);
        display.Validated(1, 2);
        Assert.Contains($"epoch 1/{epochs}", _output.ToString());
    }

    private static TrainingPlace Place(int epoch, int step) => new(epoch, 3, step, 100, 32, 0.1, new Tally(8, 1, 2, 4));

    private static EpochReport Report(int epoch) => new(
        new EpochMetrics(epoch, 0.2, new Metrics(2, 25, 50), new Metrics(1.5, 40, 70)) { L2 = 0.25 }, true, TimeSpan.FromSeconds(25), 3200, TimeSpan.FromSeconds(5));
}
