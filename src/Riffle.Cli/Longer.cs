using Riffle.Models;

namespace Riffle.Cli;

/// <summary>
/// How to train a run for longer than planned. A cosine schedule falls to zero at the planned end, and with a later end every step would have had another
/// learning rate. So longer training is a new run, which starts with the weights of this one.
/// </summary>
internal static class Longer
{
    /// <summary>Says why a run can't have another number of epochs, and what to do instead.</summary>
    /// <param name="run">The run folder.</param>
    /// <param name="epochs">The requested number of epochs.</param>
    public static string Refuse(string run, int epochs)
    {
        var always = "--epochs can't be changed by --resume, which continues the run with its own settings; remove it.";
        if (TrainingOf(run) is not { } training)
            return always;
        var (own, done) = (training.Recipe.Epochs, training.Progress.Epochs);
        return epochs <= own
            ? $"{always} {run} was started with {own} epochs."
            : $"{always} {run} was started with {own} epochs. "
                + $"To train longer{(done < own ? ", let it finish, then run" : "")}: {Command(run, epochs - own)}";
    }

    /// <summary>Says how to train a finished run for longer.</summary>
    public static string WayOn(string run) => $"To train longer: {Command(run, epochs: null)}";

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
            return null; // Opening the run reports the error.
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
            return null; // The command shows a placeholder.
        }
    }
}
