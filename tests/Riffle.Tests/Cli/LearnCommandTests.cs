using Riffle.Data;
using Riffle.Models;

namespace Riffle.Tests.Cli;

/// <summary>learn, as a process, on images that the demo draws.</summary>
public sealed class LearnCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("riffle-learn").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_folder_of_photos_becomes_a_classifier_and_the_commands_shown_give_the_same_one()
    {
        var (photos, run, again) = (Path.Combine(_folder, "photos"), Path.Combine(_folder, "run"), Path.Combine(_folder, "again"));
        DemoImages.Write(photos, 12, 6, seed: 1, ImageCodec.Default, _ => { }, CancellationToken.None);
        var learnt = Shell.Riffle("learn", photos, "--out", run, "--minutes", "0.2", "--threads", "1");
        Assert.True(learnt.ExitCode == 0, learnt.Error);
        Assert.Contains("chosen", learnt.Output);

        // The commands are lines that begin with a dollar sign.
        var commands = learnt.Output.Split('\n').Where(line => line.StartsWith("$ riffle ", StringComparison.Ordinal)).Select(line => line[9..].Trim().Split(' ')).ToArray();
        Assert.Equal(["prepare", "train", "evaluate"], commands.Select(words => words[0]));
        var checkpoint = Checkpoint.Load(run);
        Assert.True(checkpoint.Training!.Recipe.FitClassifier);
        Assert.NotNull(checkpoint.Training.Fitted);
        Assert.True(checkpoint.Training.Best!.Validation.Top1 > 60, $"{checkpoint.Training.Best.Validation.Top1}");

        var train = Shell.Riffle([.. commands[1].Select(word => word == run ? again : word)]);
        Assert.True(train.ExitCode == 0, train.Error);
        Assert.Equal(checkpoint.Fingerprint(), Checkpoint.Load(again).Fingerprint());

        // Once more, and it goes on from where it is, which is the end.
        var more = Shell.Riffle("learn", photos, "--out", run);
        Assert.Contains("--resume", more.Output);
        Assert.DoesNotContain("prepare", more.Output);
        Assert.Equal(0, more.ExitCode);
    }

    [Fact]
    public void A_run_learns_another_class_and_says_what_has_become_of_the_others()
    {
        var (photos, more, first, second) = (Path.Combine(_folder, "photos"), Path.Combine(_folder, "more"), Path.Combine(_folder, "first"), Path.Combine(_folder, "second"));
        DemoImages.Write(photos, 12, 6, seed: 1, ImageCodec.Default, _ => { }, CancellationToken.None);
        string[] classes = [.. Directory.GetDirectories(Path.Combine(photos, "train")).Select(folder => Path.GetFileName(folder)!).Order(StringComparer.Ordinal)];
        foreach (var part in Directory.GetDirectories(photos))
        {
            Directory.CreateDirectory(Path.Combine(more, Path.GetFileName(part)));
            Directory.Move(Path.Combine(part, classes[0]), Path.Combine(more, Path.GetFileName(part), classes[0]));
        }

        var learnt = Shell.Riffle("learn", photos, "--out", first, "--minutes", "0.2", "--threads", "1");
        Assert.True(learnt.ExitCode == 0, learnt.Error);
        var again = Shell.Riffle("learn", more, "--from", first, "--out", second, "--minutes", "0.2", "--threads", "1");
        Assert.True(again.ExitCode == 0, again.Error);
        Assert.Contains($"--add-to {Path.Combine(first, "data")}", again.Output);
        Assert.Contains($"validation images of {first}", again.Output);
        Assert.Equal(classes, Checkpoint.Load(second).Classes.Select(c => c.Name));
        var data = DatasetInfo.Load(Path.Combine(second, "data"));
        Assert.Equal(classes.Length * 6, data.Validation);

        Directory.Delete(Path.Combine(first, "data"), recursive: true);
        var lost = Shell.Riffle("learn", more, "--from", first, "--out", Path.Combine(_folder, "third"));
        Assert.Equal(1, lost.ExitCode);
        Assert.Contains("--start RUN", lost.Error);
    }

    [Fact]
    [Trait("Category", "slow")] // five trainings
    public void Few_photos_are_cross_validated()
    {
        var (photos, run) = (Path.Combine(_folder, "photos"), Path.Combine(_folder, "run"));
        DemoImages.Write(photos, 12, 6, seed: 1, ImageCodec.Default, _ => { }, CancellationToken.None);
        var all = Path.Combine(photos, "train"); // so that validation images are set aside
        var learnt = Shell.Riffle("learn", all, "--out", run, "--minutes", "1000", "--threads", "1");
        Assert.True(learnt.ExitCode == 0, learnt.Error);
        var images = Directory.GetFiles(all, "*", SearchOption.AllDirectories).Length;
        Assert.Matches($@"judged on the fifth of the images that it was not trained on: \d+ of {images} are right", learnt.Output);
        Assert.True(Directory.Exists(Path.Combine(run, "folds", "4", "checkpoints")));
        Assert.Contains($"of {images}, cross-validated", File.ReadAllText(Path.Combine(run, "report.html")));
    }
}
