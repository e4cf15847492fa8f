using System.Globalization;
using Riffle.Evaluation;
using Riffle.Training;

namespace Riffle.Cli;

/// <summary>Shows a training: one row per epoch, and in between a live line on a terminal or otherwise a plain line every ten seconds.</summary>
internal sealed class TrainingDisplay(TextWriter output, bool live, Func<int> columns, TimeProvider clock, int classes) : ITrainingObserver
{
    private const int BarWidth = 20;

    private readonly LiveLine _line = new(output, columns);
    private TimeSpan _shown;
    private long _runBegan, _epochBegan;
    private int _firstStep;
    private TrainingPlace _place;
    private double _validationSeconds;

    /// <summary>Writes to standard error.</summary>
    public TrainingDisplay(int classes)
        : this(Console.Error, LiveLine.IsPossible, LiveLine.TerminalColumns, TimeProvider.System, classes)
    {
    }

    private bool HasTop5 => Metrics.HasTop5(classes);

    private TimeSpan Interval => live ? TimeSpan.FromSeconds(0.1) : TimeSpan.FromSeconds(10);

    public void Started(TrainingPlace place)
    {
        _runBegan = clock.GetTimestamp();
        BeginEpoch(place);
        var (wide, top5) = HasTop5 ? ("        ", "   top-5") : ("", "");
        output.WriteLine($"            learning  training                    {wide}validation");
        output.WriteLine($"  epoch         rate      loss      cost   top-1{top5}        loss   top-1{top5}   images/s       time");
    }

    public void Stepped(in TrainingPlace place)
    {
        _place = place;
        if (IsTime())
            Show(DescribeStep(), place.Step / (double)place.Steps);
    }

    public void Validated(int images, int total)
    {
        if (IsTime())
            Show(Text($"epoch {_place.Epoch}/{_place.Epochs}, validation: {images:N0} of {total:N0} images"), images / (double)total);
    }

    public void EpochEnded(EpochReport report)
    {
        Clear();
        BeginEpoch(_place with { Step = 0 });
        _validationSeconds = report.Validation.TotalSeconds;
        var (epoch, rate, train, validation) = report.Metrics;
        var speed = report.TrainingImages / Math.Max(report.Training.TotalSeconds, 1e-3);
        var count = Text($"{epoch}/{_place.Epochs}");
        var time = DurationText.Of(report.Training + report.Validation);
        output.WriteLine(
            Text($"{count,7}  {rate,11:0.000000}  {Loss(train)}  {report.Metrics.Cost,8:0.0000}  {Accuracies(train)}    {Loss(validation)}  ")
            + Text($"{Accuracies(validation)}  {speed,9:N0}  {time,9}{(report.IsBest ? "  best" : "")}"));
        if (report.ShortenedTo is { } epochs)
        {
            output.WriteLine(Text($"No time for {_place.Epochs} epochs: {(epochs == epoch ? "the training ends here" : $"the learning rate now falls to the end of {epochs}")}."));
            _place = _place with { Epochs = epochs };
        }
    }

    /// <summary>Clears the live line, so that other text can follow.</summary>
    public void Clear() => _line.Clear();

    private static string Loss(Metrics metrics) => Text($"{metrics.Loss,8:0.0000}");

    private string Accuracies(Metrics metrics) => Text($"{metrics.Top1,6:0.00}") + (HasTop5 ? Text($"  {metrics.Top5,6:0.00}") : "");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private void BeginEpoch(TrainingPlace place)
    {
        // Steps from before a resume took no time in this process.
        (_place, _firstStep, _epochBegan) = (place, place.Step, clock.GetTimestamp());
    }

    private bool IsTime()
    {
        var elapsed = clock.GetElapsedTime(_runBegan);
        if (elapsed - _shown < Interval)
            return false;
        _shown = elapsed;
        return true;
    }

    private string DescribeStep()
    {
        var train = _place.Train.Mean();
        var perStep = clock.GetElapsedTime(_epochBegan).TotalSeconds / Math.Max(1, _place.Step - _firstStep);
        var epochLeft = (_place.Steps - _place.Step) * perStep + _validationSeconds;
        var runLeft = epochLeft + (_place.Epochs - _place.Epoch) * (_place.Steps * perStep + _validationSeconds);
        return Text($"epoch {_place.Epoch}/{_place.Epochs}, step {_place.Step}/{_place.Steps}: loss {train.Loss:0.000}, top-1 {train.Top1:0.0} %, ")
            + Text($"{_place.Batch / Math.Max(perStep, 1e-6):N0} images/s, {Left(epochLeft)} left, {Left(runLeft)} for the run");
    }

    private static string Left(double seconds) => DurationText.Of(TimeSpan.FromSeconds(Math.Min(seconds, 1e8)));

    private void Show(string line, double share)
    {
        if (!live)
        {
            output.WriteLine(line);
            return;
        }

        var full = (int)(share * BarWidth);
        _line.Draw(new string('█', full) + new string('░', BarWidth - full) + ' ' + line);
    }
}
