using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using Riffle.Cli;
using Riffle.Cli.Commands;
using Riffle.Models;
using Riffle.Recipes;
using Riffle.Tests.Cli;
using Riffle.Training;

namespace Riffle.Tests.Training;

/// <summary>train, evaluate and predict, as processes.</summary>
public sealed class TrainingCommandTests : IDisposable
{
    private const string Model = "shufflenet-v1-g3-x0.25";

    private readonly TinyDataset _data = new(train: 60, validation: 30);

    public void Dispose() => _data.Dispose();

    [Fact]
    public void A_network_is_trained_evaluated_and_asked()
    {
        var run = _data.Run("run");
        var train = Shell.Riffle(
            "train", "--data", _data.DataFolder, "--model", Model, "--out", run, "--size", "24", "--units", "1,1,1", "--epochs", "2", "--batch", "20",
            "--learning-rate", "0.03", "--optimizer", "momentum", "--schedule", "step", "--no-flip", "--hue", "0.02", "--seed", "7", "--threads", "1");
        Assert.Equal(0, train.ExitCode);
        Assert.Contains($"riffle predict {run} IMAGE", train.Output);
        Assert.Contains("2/2", train.Error);

        var recipe = Checkpoint.Load(run).Training!.Recipe;
        Assert.Equal(
            Recipe.Best with
            {
                Epochs = 2,
                Batch = 20,
                Optimiser = OptimiserKind.Momentum,
                Schedule = Recipe.Best.Schedule with { Kind = ScheduleKind.Step, LearningRate = 0.03 },
                Augmentation = Recipe.Best.Augmentation with { Flip = false, Hue = 0.02f },
            },
            recipe);
        Assert.Equal(7UL, Checkpoint.Load(run).Training!.Seed);

        var evaluate = Shell.Riffle("evaluate", run, "--data", _data.DataFolder, "--json", "--classes");
        using var evaluation = JsonDocument.Parse(evaluate.Output);
        Assert.Equal(
            ["model", "split", "images", "top1", "top5", "loss", "top1_interval", "balanced_accuracy", "calibration_error", "calibrated_error", "kept_percent", "temperature", "classes", "confusions"],
            evaluation.RootElement.EnumerateObject().Select(p => p.Name));
        Assert.Equal(30, evaluation.RootElement.GetProperty("confusions").EnumerateArray().SelectMany(row => row.EnumerateArray()).Sum(cell => cell.GetInt32()));
        Assert.Equal(30, evaluation.RootElement.GetProperty("classes").EnumerateArray().Sum(found => found.GetProperty("images").GetInt32()));

        Assert.DoesNotContain("confusions", Shell.Riffle("evaluate", run, "--data", _data.DataFolder, "--json").Output);

        var noTest = Shell.Riffle("evaluate", run, "--data", _data.DataFolder, "--split", "test");
        Assert.Equal(1, noTest.ExitCode);
        Error.Names(noTest.Error, _data.DataFolder, "--test-fraction");
        Assert.Contains(" training images", Shell.Riffle("evaluate", run, "--data", _data.DataFolder, "--split", "train").Output);

        // Five classes or fewer have no top-5 for a person; a class that is never recognised is named.
        var text = Shell.Riffle("evaluate", run, "--data", _data.DataFolder, "--classes");
        Assert.DoesNotContain("top-5", text.Output);
        Assert.Contains("Balanced accuracy ", text.Output);
        foreach (var found in evaluation.RootElement.GetProperty("classes").EnumerateArray().Where(found => found.GetProperty("recall").GetDouble() == 0))
            Assert.Contains($"WARNING: none of the {found.GetProperty("images").GetInt32()} images of ", text.Error);
        Assert.Equal((Model, 30, 100.0), (evaluation.RootElement.GetProperty("model").GetString(), evaluation.RootElement.GetProperty("images").GetInt32(),
            evaluation.RootElement.GetProperty("top5").GetDouble()));

        var (good, bad) = (_data.Run("good.jpg"), _data.Run("bad.jpg"));
        File.WriteAllBytes(good, TinyDataset.Jpeg(1));
        File.WriteAllText(bad, "no image");
        var predict = Shell.Riffle("predict", run, bad, good, "--top", "2", "--json");
        Assert.Equal(ExitCode.BadData, predict.ExitCode);
        Assert.Contains(bad, predict.Error);
        using var predictions = JsonDocument.Parse(predict.Output);
        var entry = predictions.RootElement.EnumerateArray().Single();
        Assert.Equal(good, entry.GetProperty("file").GetString());
        Assert.Equal(2, entry.GetProperty("predictions").GetArrayLength());
        Assert.Equal(["class", "index", "probability"], entry.GetProperty("predictions")[0].EnumerateObject().Select(p => p.Name));
    }

    [UnixFact]
    public void Ctrl_C_and_SIGTERM_write_a_checkpoint_and_say_how_to_go_on()
    {
        var run = _data.Run("run");
        var last = Path.Combine(run, "checkpoints", "last.safetensors");
        Interrupt(
            "INT", ExitCode.Interrupted, () => File.Exists(last) && Checkpoint.Read(last).Training!.Progress is { } at && at.Epochs + at.Steps > 0,
            "train", "--data", _data.DataFolder, "--model", Model, "--out", run, "--size", "24", "--units", "1,1,1", "--epochs", "100000", "--batch", "20");
        var stopped = Checkpoint.Read(last).Training!.Progress;
        Assert.True(stopped.Epochs + stopped.Steps > 0);

        var before = File.GetLastWriteTimeUtc(last);
        Interrupt("TERM", ExitCode.Terminated, () => File.GetLastWriteTimeUtc(last) > before, "train", "--resume", run);
        var later = Checkpoint.Read(last).Training!.Progress;
        Assert.True((later.Epochs, later.Steps).CompareTo((stopped.Epochs, stopped.Steps)) > 0);

        void Interrupt(string signal, int expected, Func<bool> underWay, params string[] args)
        {
            using var process = Shell.Start("dotnet", Shell.Arguments(args));
            for (var waited = Stopwatch.StartNew(); !underWay() && !process.HasExited && waited.Elapsed < TimeSpan.FromMinutes(2);)
                Thread.Sleep(20);
            Shell.Run("kill", ["-" + signal, process.Id.ToString()]);
            var result = Shell.Finish(process);
            Assert.Equal(expected, result.ExitCode);
            Assert.Contains($"riffle train --resume {run}", result.Error);
            Assert.Empty(result.Output);
        }
    }

    [Fact]
    public void Another_number_of_epochs_is_another_training_whose_command_is_told()
    {
        var run = _data.Run("my run");
        using (var trainer = Trainer.Start(_data.Open(), _data.Spec(), TinyDataset.Recipe(epochs: 2), run, new() { Threads = 1 }))
            trainer.Run();
        string ImmediateProgress(int epochs) => CommandLine.Parse(CommandLine.CreateRoot(), ["train", "--resume", run, "--epochs", $"{epochs}"]).Errors.Single().Message;
        var command = $"train --from '{run}' --data {_data.DataFolder} --out '{run}-2' --epochs 3";
        Assert.EndsWith($": riffle {command}", ImmediateProgress(5), StringComparison.Ordinal);
        Error.Names(ImmediateProgress(1), "--resume", "--epochs", run, "2 epochs");
        Error.Names(ImmediateProgress(2), "--resume", "--epochs");

        // It runs as it is told, and then --resume says what is left to do.
        Assert.Equal(0, Shell.Run("sh", ["-c", $"dotnet \"$0\" {command} --threads 1", .. Shell.Arguments()]).ExitCode);
        Error.Names(Shell.Riffle("train", "--resume", run + "-2").Error, "3 epochs", run + "-2", "riffle train --from");
    }

    [Theory]
    [InlineData("train --data d --model m", "--out", "missing")]
    [InlineData("train", "--model", "missing")]
    [InlineData("train --resume r --epochs 4", "--resume", "--epochs")]
    [InlineData("train --resume r --freeze", "--resume", "--freeze")]
    [InlineData("train --data d --from f", "--out", "missing")]
    [InlineData("train --data d --from f --out o --model m", "--from", "--model")]
    [InlineData("train --data d --from f --out o --units 1,1,1", "--from", "--units")]
    [InlineData("train --data d --model m --out o --freeze", "--freeze", "--from")]
    [InlineData("train --data d --model m --out o --soft-share 0.5", "--soft-share", "--soft-labels")]
    [InlineData("train --data d --model m --out o --sharp-share 0.5", "--sharp-share", "--smallest-area")]
    [InlineData("teach m --data d --out o --sharp-share 0.5", "--sharp-share", "--smallest-area")]
    [InlineData("train --data d --model m --out o --no-crop --smallest-area 0.35", "--smallest-area", "--no-crop")]
    [InlineData("train --data d --model m --out o --soft-labels t --temperature 0", "--temperature", "0.1", "'0'")]
    [InlineData("teach --data d --out o", "MODEL-OR-RUN")]
    [InlineData("teach m --data d", "--out")]
    [InlineData("teach m --data d --out o --views 0", "--views", "from 1", "'0'")]
    [InlineData("import f --model m", "--out")]
    [InlineData("import f --model m --out o --mean 1,2,3", "--mean", "from 0 to 1", "0.485,0.456,0.406", "'1,2,3'")]
    [InlineData("import f --model m --out o --std 0.5,0.5", "--std", "'0.5,0.5'")]
    [InlineData("train --resume r --out o", "--resume", "--out")]
    [InlineData("train --data d --model m --out o --learning-rate NaN", "--learning-rate", "'NaN'")]
    [InlineData("train --data d --model m --out o --batch 0", "--batch", "from 1", "'0'")]
    [InlineData("train --data d --model m --out o --optimiser 1", "'1'", "nesterov")]
    [InlineData("train --data d --model m --out o --hue 0.6", "--hue", "from 0 to 0.5", "'0.6'")]
    [InlineData("teach m --data d --out o --smallest-area 1.5", "--smallest-area", "from 0 to 1", "'1.5'")]
    [InlineData("predict m a.jpg --top 0", "--top", "at least 1", "'0'")]
    [InlineData("evaluate m --data d --threads -1", "--threads", "from 0", "'-1'")]
    public void Wrong_usage_is_reported_before_anything_is_done(string line, params string[] names) =>
        Error.OneNames(CommandLine.CreateRoot().Parse(line).Errors.Select(error => error.Message), names);

    /// <summary>American spelling is accepted, and help shows the British one alone.</summary>
    [Fact]
    public void Options_have_an_american_alias_that_help_does_not_show()
    {
        string[] Line(string optimiser, string initialisation) =>
            ["train", "--data", "d", "--model", "m", "--out", "o", optimiser, "adam", initialisation + "=he"];
        var parse = CommandLine.Parse(CommandLine.CreateRoot(), Line("--optimizer", "--initialization"));
        Assert.Empty(parse.Errors);
        Assert.Equal(("adam", "he"), (parse.GetValue<string>("--optimiser"), parse.GetValue<string>("--initialisation")));
        Assert.DoesNotContain("iz", string.Join(' ', CommandLine.CreateRoot().Subcommands.SelectMany(command => command.Options)
            .SelectMany(option => option.Aliases.Append(option.Name).Append(option.Description)).Where(word => word?.Contains("size") == false)));
    }

    [Theory]
    [InlineData("train --resume r --data d --threads 2 --minutes 1.5 --checkpoint-minutes 1")]
    [InlineData("train --data d --from f --out o --size 64 --freeze --recipe best --epochs 3")]
    [InlineData("train --data d --model m --out o --smallest-area 0.35 --sharp-share 0.5")]
    [InlineData("import f --model m --out o --preset imagenet --size 64 --units 1,1,1 --labels c --mean 0.5,0.5,0.5 --std 0.5,0.5,1")]
    [InlineData("train --data d --model m --out o --recipe paper --no-crop --no-flip --brightness 0 --label-smoothing 0.1 --warm-up 0.5 --preset imagenet")]
    public void Right_usage_is_taken(string line) => Assert.Empty(CommandLine.CreateRoot().Parse(line).Errors);

    /// <summary>From a recipe that was changed by options, the options are told again: each of them, and nothing else.</summary>
    [Fact]
    public void A_recipe_tells_the_options_that_made_it()
    {
        string[] words =
        [
            "--epochs 7", "--batch 64", "--optimiser momentum", "--momentum 0.8", "--weight-decay 0.0003", "--label-smoothing 0.1", "--soft-share 0.7",
            "--temperature 4", "--last-temperature 3", "--initialisation he", "--schedule step", "--learning-rate 0.25", "--warm-up 2", "--patience 9",
            "--cooldown 5", "--drops-to-end 4", "--stop-after 6", "--step-epochs 11", "--factor 0.3", "--minimum-rate 1E-05", "--fit stretch", "--balance", "--local-batch-norm", "--freeze", "--no-crop", "--smallest-area 0.35",
            "--sharp-share 0.5", "--no-flip", "--brightness 0.1", "--contrast 0.2", "--saturation 0.3", "--hue 0.04",
        ];
        var options = new TrainingOptions();
        Assert.Equal(options.All.Select(option => option.Name), words.Select(word => word.Split(' ')[0]));
        var command = new RootCommand();
        foreach (var option in options.All)
            command.Options.Add(option);

        Recipe Changed(string line) => options.Apply(command.Parse(line), Recipe.Best);
        Assert.Equal([], options.Between(Recipe.Best, Changed("")));
        Assert.Equal(words, options.Between(Recipe.Best, Changed(string.Join(' ', words))));
        foreach (var word in words)
            Assert.Equal([word], options.Between(Recipe.Best, Changed(word)));

        // No option switches the random crop on again, and none renames.
        Assert.Null(options.Between(Changed("--no-crop"), Recipe.Best));
        Assert.Null(options.Between(Recipe.Best, Recipe.Best with { Name = "other" }));
    }
}
