using Riffle.Models;

namespace Riffle.Cli;

/// <summary>
/// How a run is trained for longer than it was begun for. A cosine falls to nothing at the end that was planned, and with a later end every step would have
/// had another rate; so what goes on is another training, which begins with the weights of this one.
/// </summary>
internal static class Longer
{
    /// <summary>Why a run does not get another number of epochs, and what to do.</summary>
    /// <param name="run">Its folder.</param>
    /// <param name="epochs">How many were asked for.</param>
    public static string Refuse(string run, int epochs)
    {
        var always = "--resume goes on as the run was started: leave out --epochs.";
        if (TrainingOf(run) is not { } training)
            return always;
        var (own, done) = (training.Recipe.Epochs, training.Progress.Epochs);
        return epochs <= own
            ? $"{always} {run} was begun for {own} epochs."
            : $"{always} {run} was begun for {own} epochs. "
                + $"{(done < own ? "Let it end, then train further" : "Train further")} by: {Command(run, epochs - own)}";
    }

    /// <summary>How to go on with a run that is done.</summary>
    public static string WayOn(string run) => $"Train further by: {Command(run, epochs: null)}";

    private static string Command(string run, int? epochs)
    {
        var words = new List<string> { "riffle", "train", "--from", ShellWord.Path(run), "--data", "DIR", "--out", ShellWord.Path(NewFolder(run)) };
        if (DescriptionOf(run) is { } description)
        {
            words[words.IndexOf("DIR")] = ShellWord.Path(description.DataDirectory);
            if (description.SoftLabelsFolder is { } labels)
                words.AddRange(["--soft-labels", ShellWord.Path(labels)]);
        }

        if (epochs is { } more)
            words.AddRange(["--epochs", $"{more}"]);
        return string.Join(' ', words);
    }

    private static string NewFolder(string run)
    {
        var name = run.TrimEnd('/', Path.DirectorySeparatorChar);
        return Enumerable.Range(2, int.MaxValue - 2).Select(number => $"{name}-{number}").First(folder => !Path.Exists(folder));
    }

    private static TrainingRecord? TrainingOf(string run)
    {
        try
        {
            return Checkpoint.Load(Path.Combine(run, "checkpoints", "last.safetensors")).Training;
        }
        catch (RiffleException)
        {
            return null; // There is no run: then that is what is told.
        }
    }

    private static RunDescription? DescriptionOf(string run)
    {
        try
        {
            return RunDescription.Read(run);
        }
        catch (RiffleException)
        {
            return null; // The command has a placeholder then.
        }
    }
}
