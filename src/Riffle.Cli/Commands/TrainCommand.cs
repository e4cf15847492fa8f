using System.CommandLine;
using System.Diagnostics;
using Riffle.Data;
using Riffle.Distillation;
using Riffle.Evaluation;
using Riffle.Images;
using Riffle.Recipes;
using Riffle.Training;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle train</c>.</summary>
internal static class TrainCommand
{
    /// <summary>The allowed minutes for a training.</summary>
    public static Limits<double> TimeLimits { get; } = new(0.01, 1e6);

    public static Command Create(string name)
    {
        var data = new Option<string>("--data") { Description = "Data set folder, written by 'riffle prepare'.", HelpName = "DIR" };
        var model = new Option<string>("--model")
        {
            Description = "Network to train, for example shufflenet-v1-g3-x0.25 ('riffle summary' lists them), or a file that describes one (.json).",
            HelpName = "MODEL",
        };
        var output = new Option<string>("--out") { Description = "Run folder to create; it must be new or empty.", HelpName = "RUN" };
        var resume = new Option<string>("--resume") { Description = "Continue a run exactly where it stopped.", HelpName = "RUN" };
        var from = new Option<string>("--from")
        {
            Description = "Fine-tune: start with the weights of another run or checkpoint. The classifier starts anew if the classes differ.",
            HelpName = "RUN-OR-FILE",
        };
        var softLabels = TrainingOptions.SoftLabels();
        var recipe = new Option<string>("--recipe")
        {
            Description = "best: for accuracy. taught: best for twice as long, for networks with --soft-labels. paper: as in the study. finetune: best at a tenth of its learning rate. Default: best, or finetune with "
                + "--from unless --freeze is given.",
        };
        recipe.AcceptOnlyFromAmong([.. Recipe.Named.Select(named => named.Name)]);
        var scale = new Option<bool>("--scale-rate")
        {
            Description = "With --batch: the learning rate grows in proportion to the batch, and rises over five epochs, as large batches on many machines need.",
        };
        var network = new NetworkOptions();
        var seed = new Option<ulong>("--seed") { Description = "Seed of everything random: the same seed gives the same weights, bit for bit.", HelpName = "N" };
        var threads = TrainingOptions.Threads();
        var minutes = Numbers.Option("--checkpoint-minutes", "X", new Limits<double>(0, 1e6));
        (minutes.Description, minutes.DefaultValueFactory) = ("Longest time between checkpoints, in minutes.", _ => 10);
        var limit = Numbers.Option("--minutes", "N", TimeLimits);
        limit.Description = "Time for the training. Where there is no time for all epochs, fewer are planned at the end of an epoch, and the learning rate falls faster from there on. Default: no limit.";
        var entries = new TrainingOptions();

        Option[] needed = [data, output], withResume = [resume, data, softLabels, threads, limit, minutes];
        var command = new Command(name, "Trains a network, or continues a training. Ctrl+C writes a checkpoint and stops.")
        {
            data, model, output, from, softLabels, resume, recipe, scale,
        };
        network.AddTo(command, withClasses: false);
        foreach (var option in (Option[])[seed, threads, limit, minutes, .. entries.All])
            command.Options.Add(option);
        command.Validators.Add(result =>
        {
            bool Specified(Option option) => result.GetResult(option) is { Implicit: false };
            var wrong = Specified(resume)
                ? command.Options.Except(withResume).Where(Specified).Select(option => option == entries.Epochs
                    ? Longer.Refuse(result.GetValue(resume)!, result.GetValue(entries.Epochs))
                    : $"{option.Name} can't be changed by --resume, which continues the run with its own settings; remove it.")
                : needed.Append(Specified(from) ? data : model).Where(option => !Specified(option)).Distinct()
                    .Select(option => $"{option.Name} is missing. (To continue a run, give --resume RUN.)");
            if (Specified(from))
                wrong = wrong.Concat(network.Choices.Prepend(model).Where(Specified).Select(option => $"--from already determines the network; remove {option.Name}."));
            else if (Specified(entries.Freeze) && !Specified(resume))
                wrong = wrong.Append("--freeze requires --from: features that were never trained are not worth keeping.");
            if (Specified(scale) && !Specified(entries.Batch) && !Specified(resume))
                wrong = wrong.Append("--scale-rate requires --batch.");
            if (!Specified(softLabels) && !Specified(resume))
                wrong = wrong.Concat(entries.OfSoftLabels.Where(Specified).Select(option => $"{option.Name} requires --soft-labels."));
            foreach (var message in wrong)
                result.AddError(message);
        });

        return command
            .WithExamples(
                "riffle train --data data/tiny --model shufflenet-v1-g3-x0.25 --out runs/first",
                "riffle train --data data/tiny --model mobilenet-v1-x0.5 --out runs/paper --recipe paper --epochs 40",
                "riffle train --data data/flowers --from runs/first --out runs/flowers --freeze",
                "riffle train --data data/tiny --model shufflenet-v1-g3-x0.25 --out runs/small --soft-labels soft",
                "riffle train --resume runs/first",
                "mpirun -n 4 riffle train --data data/tiny --model shufflenet-v1-g3-x1.0 --out runs/four",
                "mpirun -n 8 riffle train --data data/tiny --model shufflenet-v1-g3-x1.0 --out runs/eight --batch 1024 --scale-rate")
            .WithAction((parse, cancel) =>
            {
                var clock = Stopwatch.StartNew();
                var (interval, ranks) = (TimeSpan.FromMinutes(parse.GetValue(minutes)), RankedProcess.Join(cancel));
                TimeSpan? time = TrainingOptions.IsSpecified(parse, limit) ? TimeSpan.FromMinutes(parse.GetValue(limit)) : null;
                if (time is not null && ranks is { Count: > 1 })
                    throw new ArgumentException("--minutes has no meaning for several ranks, because each has its own clock; remove it.");
                if (parse.GetValue(resume) is { } run)
                {
                    return Run(
                        progress => Trainer.Resume(run, ImageCodec.Default, parse.GetValue(data), parse.GetValue(softLabels), parse.GetValue(threads), ranks: ranks, progress: progress, cancel: cancel),
                        run, interval, () => time - clock.Elapsed, cancel);
                }

                var (directory, folder) = (parse.GetRequiredValue(data), parse.GetRequiredValue(output));

                // Before the data set is opened, so that a wrong name is reported at once.
                var start = parse.GetValue(from) is { } weights ? FineTuning.Load(weights) : null;
                var spec = start?.Network(start.Checkpoint.Spec.Classes, network.SizeOf(parse)) ?? network.Resolve(parse, parse.GetRequiredValue(model));
                var dataset = Dataset.Open(directory, ImageCodec.Default);
                spec = spec with { Classes = dataset.Info.Classes.Length };

                var named = parse.GetValue(recipe) ?? (start is null ? Recipe.Best : Recipe.FineTune).Name;
                var labels = parse.GetValue(softLabels);
                var seen = labels is null ? null : SoftLabels.Open(labels).Identity;
                var fitting = Recipe.Named.Single(recipe => recipe.Name == named).FitTo(spec, dataset.Count(Split.Train), dataset.Info.Baking is not null)
                    .WithImagesAs(seen?.Augmentation, seen?.Fit ?? start?.Checkpoint.Fit);
                var chosen = entries.Apply(parse, parse.GetValue(scale) ? fitting.ScaledTo(parse.GetValue(entries.Batch)) : fitting);
                var options = new TrainerOptions { Seed = parse.GetValue(seed), Threads = parse.GetValue(threads), From = start, SoftLabels = labels, Ranks = ranks };
                return Run(progress => Trainer.Start(dataset, spec, chosen, folder, options, progress, cancel), folder, interval, () => time - clock.Elapsed, cancel);
            });
    }

    private static int Run(Func<IProgress<WorkProgress>, Trainer> open, string run, TimeSpan checkpointInterval, Func<TimeSpan?> timeLeft, CancellationToken cancel)
    {
        using var trainer = TrainingSession.Open(open);
        (trainer.CheckpointInterval, trainer.TimeLimit) = (checkpointInterval, timeLeft());
        var before = trainer.Training.Progress;
        if (trainer.HasOtherArithmetic && !trainer.Training.IsFinished)
        {
            Console.Error.WriteLine(
                "Another version of Riffle, or one with vectors of another width, computed a part of this run. It rounds in another way. The run goes on, but its weights "
                + "will not be those of an uninterrupted run, bit for bit.");
        }

        var outcome = TrainingSession.Run(trainer, cancel);
        if (RankedProcess.Ranks is { IsFirst: false })
            return outcome.Completed ? ExitCode.Done : ExitCode.Interrupted;
        if (!outcome.Completed)
        {
            Console.Error.WriteLine($"Stopped. Everything is saved. To continue:\n  riffle train --resume {ShellWord.Path(run)}");
            return ExitCode.Interrupted;
        }

        if (before == outcome.Training.Progress)
            Console.Error.WriteLine($"All {before.Epochs} epochs of {run} are done. {Longer.WayOn(run)}");
        var report = before == outcome.Training.Progress ? null : ReportCommand.WriteAfter(new(run, trainer.DataDirectory, new TrainingOptions()), cancel);
        var best = outcome.Training.Best!;
        var more = (Metrics.HasTop5(trainer.Network.Classes) ? $", top-5 {best.Validation.Top5:0.00} %" : "") + (best.Validation.Balanced is { } balanced ? $", balanced accuracy {balanced:0.00} %" : "");
        Console.WriteLine($"""
            Best: epoch {best.Epoch}, validation top-1 {best.Validation.Top1:0.00} %{more}, in {outcome.BestCheckpoint}
            {(report is null ? "" : $"Report: {report}{Environment.NewLine}")}Next:
              riffle evaluate {ShellWord.Path(run)} --data {ShellWord.Path(trainer.DataDirectory)}
              riffle predict {ShellWord.Path(run)} IMAGE
            """);
        return ExitCode.Done;
    }
}
