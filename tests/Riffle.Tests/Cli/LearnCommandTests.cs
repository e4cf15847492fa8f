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
}
