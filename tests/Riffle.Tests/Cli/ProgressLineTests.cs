using Riffle.Cli;

namespace Riffle.Tests.Cli;

public sealed class ProgressLineTests : IDisposable
{
    private readonly StringWriter _output = new() { NewLine = "\n" };
    private readonly HandClock _clock = new();

    public void Dispose() => _output.Dispose();

    [Fact]
    public void Without_a_terminal_there_is_a_plain_line_every_five_seconds_and_a_last_one()
    {
        using (var line = new ProgressLine("prepare train", 1200, "images", 0, _output, columns: null, _clock))
        {
            for (var second = 1; second <= 12; second++)
            {
                _clock.Advance(1);
                line.Report(second * 100);
            }
        }

        Assert.Equal(
            """
            prepare train: 500 of 1,200 images, 100 images/s, 7.0 s left
            prepare train: 1,000 of 1,200 images, 100 images/s, 2.0 s left
            prepare train: 1,200 of 1,200 images, 100 images/s, 12.0 s

            """,
            _output.ToString());
    }

    [Fact]
    public void On_a_terminal_each_line_covers_the_one_before()
    {
        using (var line = new ProgressLine("x", 0, "images", 0, _output, () => 80, _clock))
        {
            _clock.Advance(1);
            line.Report(10, "a long note");
            line.Report(11, "not shown: too soon");
            _clock.Advance(1);
            line.Report(20);
        }

        Assert.Equal(
            "\rx: 10 images, 10 images/s, a long note"
            + "\rx: 20 images, 10 images/s             "
            + "\rx: 20 images, 10 images/s, 2.0 s\n",
            _output.ToString());
    }

    [Fact]
    public void A_line_is_cut_before_it_would_wrap()
    {
        using (var line = new ProgressLine("x", 0, "images", 0, _output, () => 10, _clock))
        {
            _clock.Advance(1);
            line.Report(10);
        }

        Assert.StartsWith("\rx: 10 ima\r", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_done_before_counts_in_neither_rate_nor_time_left()
    {
        using (var line = new ProgressLine("x", 1000, "steps", start: 900, _output, columns: null, _clock))
        {
            _clock.Advance(10);
            line.Report(950);
        }

        Assert.StartsWith("x: 950 of 1,000 steps, 5.0 steps/s, 10.0 s left\n", _output.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "0.0 s")]
    [InlineData(8.44, "8.4 s")]
    [InlineData(59.97, "1 min 00 s")]
    [InlineData(185, "3 min 05 s")]
    [InlineData(3599.9, "1 h 00 min")]
    [InlineData(7650, "2 h 07 min")]
    public void Durations_are_for_people(double seconds, string expected) => Assert.Equal(expected, DurationText.Of(TimeSpan.FromSeconds(seconds)));
}
