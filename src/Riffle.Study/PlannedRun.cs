using System.Globalization;
using Riffle.Data;
using Riffle.Distribution;
using Riffle.Execution;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Training;

namespace Riffle.Study;

/// <summary>A training of a reproduction, of a row of the tables or of a teacher: what it must be, how far it is, and how it goes on.</summary>
/// <param name="Folder">Where it is.</param>
/// <param name="Name">Its name there.</param>
/// <param name="Network">The network.</param>
/// <param name="Recipe">The recipe.</param>
/// <param name="Seed">The seed of everything random.</param>
/// <param name="Threads">Threads that compute; 0: one per core.</param>
internal sealed record PlannedRun(ReproductionFolder Folder, string Name, NetworkSpec Network, Recipe Recipe, ulong Seed, int Threads)
{
    /// <summary>Stands for the fingerprint of soft labels that are not made yet.</summary>
    public const string NotMade = "that are not made yet";

    /// <summary>The fingerprint of the soft labels, or <see cref="NotMade"/>; null: none.</summary>
    public string? SoftLabels { get; init; }

    /// <summary>The folder of the soft labels; null: none.</summary>
    public string? SoftLabelsFolder { get; init; }

    /// <summary>The first weights; null: new ones.</summary>
    public FineTuning? From { get; init; }

    /// <summary>The processes that train it together; null: this one alone.</summary>
    public Ranks? Ranks { get; init; }

    /// <summary>What is there; null if it has not started.</summary>
    public Run? Found => Folder.ReadRun(Name);

    /// <summary>Whether all epochs have ended and the network is written.</summary>
    public bool IsDone => Found is { IsDone: true } && File.Exists(Folder.ModelOf(Name));

    /// <summary>The epochs that are left.</summary>
    public double EpochsLeft(Dataset data) => Forecast.EpochsLeft(Recipe, Found, data.Count(Split.Train));

    /// <summary>The same as text.</summary>
    public string Left(Dataset data) => string.Create(CultureInfo.InvariantCulture, $"{EpochsLeft(data):0.#} of {Recipe.Epochs} epochs");

    /// <summary>How long they will take here.</summary>
    public TimeSpan Measure(Dataset data, CancellationToken cancel) =>
        EpochsLeft(data) is var left and > 0 ? left * Forecast.MeasureEpoch(Network, Recipe, data, Threads, cancel) : TimeSpan.Zero;

    /// <summary>Refuses what is there if it was trained in another way.</summary>
    /// <param name="data">The data set.</param>
    /// <param name="isWanted">Whether it will be trained. Otherwise only images and network must be the same.</param>
    /// <exception cref="RiffleException">It was.</exception>
    public void RefuseOther(Dataset data, bool isWanted = true)
    {
        if (Found is not { } run)
            return;
        var training = run.Training;
        var difference =
            training.Data.Fingerprint != data.Info.Fingerprint
                ? $"on another data set (fingerprint {training.Data.Fingerprint}; --data has {data.Info.Fingerprint})"
            : run.Network != Network ? "with another network size"
            : !isWanted ? null
            : training.Seed != Seed ? $"with --seed {training.Seed}, not {Seed}"
            : training.Recipe.Name != Recipe.Name ? $"with --recipe {training.Recipe.Name}, not {Recipe.Name}"
            : training.Recipe.Epochs != Recipe.Epochs ? $"with --epochs {training.Recipe.Epochs}, not {Recipe.Epochs}"
            : training.SoftLabels?.Fingerprint != SoftLabels ? $"{Taught(training.SoftLabels?.Fingerprint)}, not {Taught(SoftLabels)}"
            : OriginOf(training) != Origin ? $"{Begun(OriginOf(training))}, not {Begun(Origin)}"
            : !run.IsDone && training.VectorBits is { } bits && bits != Arithmetic.VectorBits
                ? $"with vectors of {bits} bits, not {Arithmetic.VectorBits} (set RIFFLE_VECTOR={bits} to go on)"
            : !run.IsDone && training.Arithmetic is { } version && version != Arithmetic.Version ? "by a Riffle that rounds in another way"
            : training.Recipe != Recipe ? $"with other values of the recipe {Recipe.Name}"
            : null;
        if (difference is not null)
        {
            throw new RiffleException($"{run.Folder}: was trained {difference}; "
                + $"use the same settings, give another --out, select other networks with --models, or move {run.Folder} away");
        }
    }

    /// <summary>Trains the network or continues its training, and writes it; false if cancelled.</summary>
    public bool Train(Dataset data, IReproductionDisplay display, CancellationToken cancel)
    {
        Folder.Create();
        var run = Found;
        if (run is not { IsDone: true })
        {
            Ranks?.Announce(this, isResumed: run is not null);
            using var trainer = display.Open(progress => run is null
                ? Trainer.Start(
                    data, Network, Recipe, Folder.RunOf(Name),
                    new() { Seed = Seed, Threads = Threads, From = From, SoftLabels = SoftLabelsFolder, Ranks = Ranks }, progress, cancel)
                : Trainer.Resume(run.Folder, data.Codec, data.Directory, SoftLabelsFolder, Threads, ranks: Ranks, progress: progress, cancel: cancel));

            // Also on a resume, because an earlier process may have been killed before it got here. Keep what it wrote if the notes beside the weights are gone.
            if (From is not null)
            {
                var notes = Folder.ReadNotes(Name);
                Folder.Write(Name, notes with { Before = ReproductionFolder.NotesBeside(From.Path) ?? notes.Before });
            }

            using var session = new SessionClock(Folder, Name, Threads, TimeProvider.System);
            if (!display.Train(trainer, session, cancel).Completed)
                return false;
        }

        Folder.WriteModel(Name);
        return true;
    }

    /// <summary>The fingerprint of the weights that it starts with; null: new ones.</summary>
    private string? Origin => From is null ? null : WeightsOrigin.Of(From.Checkpoint).Fingerprint;

    private static string? OriginOf(TrainingRecord training) => training.From is null ? null : training.Origin?.Fingerprint ?? training.From;

    private static string Taught(string? softLabels) => softLabels is null ? "without soft labels" : $"with the soft labels {softLabels}";

    private static string Begun(string? origin) => origin is null ? "starting with new weights" : $"starting with the weights {origin}";
}
