using System.Collections.Immutable;
using Riffle.Distillation;
using Riffle.Study;
using Riffle.Training;

namespace Riffle.Cli;

/// <summary>A reproduction in front of a person: what is left and how far it is on standard error, what came of it on standard output.</summary>
internal sealed class ReproductionDisplay : IReproductionDisplay
{
    public IProgressLine Measuring(string what, int networks) => new ProgressLine(what, networks, "networks");

    public void HasOtherBits(int bits) => Console.Error.WriteLine(
        $"This computes with vectors of {bits} bits. The weights will be as good as with 256 bits, but not the same bit for bit.");

    public void Planned(IReadOnlyList<string> models, IReadOnlyList<Stage> left)
    {
        if (left.Count == 0)
        {
            Console.Error.WriteLine(models.Count == 0 ? "Nothing to train." : "Everything is trained already.");
            return;
        }

        var table = new TextTable("Network", ">Left", ">Time here");
        foreach (var model in models.Except(left.Select(stage => stage.Name)))
            table.Add(model, "", "done");
        foreach (var stage in left)
            table.Add(stage.Name, stage.Left, "about " + DurationText.Of(stage.Expected));
        table.Add("all", "", "about " + DurationText.Of(Stage.Sum(left)));
        table.Write(Console.Error);
    }

    public void Began(IReadOnlyList<Stage> stages, int index, TimeSpan own, TimeSpan all) => Console.Error.WriteLine(
        $"\n{index + 1} of {stages.Count}: {stages[index].Name}, about {DurationText.Of(own)}; about {DurationText.Of(all)} for everything left");

    public void Failed(Stage stage, RiffleException reason) => Console.Error.WriteLine($"riffle: {stage.Name}: {CommandLine.Message(reason)}");

    public Trainer Open(Func<IProgress<WorkProgress>, Trainer> open) => TrainingSession.Open(open);

    public TrainingOutcome Train(Trainer trainer, ITrainingObserver observer, CancellationToken cancel) => TrainingSession.Run(trainer, cancel, observer);

    public SoftLabels? Teach(Func<IProgress<WorkProgress>, SoftLabels> teach) => TeachingSession.Run(teach);

    /// <summary>Shows what a verification found.</summary>
    /// <returns>The exit code.</returns>
    public static int End(ImmutableArray<Verified> verified, Settings settings)
    {
        if (verified.IsEmpty)
            throw new RiffleException($"{settings.Out}: there is no finished network to verify; give the folder of a reproduction with --out");
        var table = new TextTable("Network", "After 100 steps", "Anew", "");
        foreach (var network in verified)
            table.Add(network.Name, network.Kept ?? "", network.Anew ?? "", network.Why is { } why ? "not verified: " + why : network.IsSame ? "the same" : "DIFFERENT");
        table.Write(Console.Out);
        return verified.All(network => network.IsSame) ? ExitCode.Done : ExitCode.Failed;
    }

    /// <summary>Shows what came of it.</summary>
    /// <returns>The exit code.</returns>
    public static int End(ReproductionOutcome outcome, Settings settings)
    {
        if (!outcome.Completed)
        {
            Console.Error.WriteLine($"Stopped. Everything is saved. To continue:\n  {settings.Command}");
            return ExitCode.Interrupted;
        }

        var table = new TextTable("Network", ">Study top-1", ">Top-1", ">Difference", ">Highest", ">One image");
        foreach (var row in outcome.Rows)
        {
            table.Add(
                row.Model, Cell.Number(row.Published.Top1) + " %", Cell.Top1(row), Cell.Difference(row),
                row.Finished?.Best is { } best ? Cell.Percent(best.Validation.Top1) + " %" : "",
                row.Latency is { } latency ? Cell.Milliseconds(latency.MedianMs) + " ms" : "");
        }

        table.Write(Console.Out);
        Console.WriteLine($"\nThe report is in\n  {outcome.Html}\n  {outcome.Markdown}");
        if (outcome.Failures.IsEmpty)
            return ExitCode.Done;
        Console.Error.WriteLine($"riffle: training failed for {string.Join(", ", outcome.Failures)}; see the messages above");
        return ExitCode.Failed;
    }
}
