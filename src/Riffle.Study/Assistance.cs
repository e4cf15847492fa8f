using System.Text.Json;
using Riffle.Data;
using Riffle.Distillation;
using Riffle.Distribution;
using Riffle.Execution;
using Riffle.Images;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Training;

namespace Riffle.Study;

/// <summary>
/// A reproduction by several ranks. The first decides what is done, measures and reports, as if it were alone; before a training, and before teachers predict, it
/// tells the others, which do their part. They write nothing, but read soft labels and teachers from the reproduction's folder.
/// </summary>
internal static class Assistance
{
    /// <summary>Tells the others of a training that begins, or goes on.</summary>
    public static void Announce(this Ranks ranks, PlannedRun run, bool isResumed) => ranks.Send(new Assignment
    {
        Run = run.Folder.RunOf(run.Name),
        IsResumed = isResumed,
        Network = run.Network,
        Recipe = run.Recipe,
        Seed = run.Seed,
        SoftLabels = run.SoftLabelsFolder,
        From = run.From?.Path,
    });

    /// <summary>Tells the others of teachers that predict.</summary>
    public static void Announce(this Ranks ranks, IReadOnlyList<string> teachers, Recipe recipe, int views, ulong seed) =>
        ranks.Send(new Assignment { Teachers = [.. teachers], Recipe = recipe, Views = views, Seed = seed });

    /// <summary>Tells the others that all is done.</summary>
    public static void Dismiss(this Ranks ranks) => ranks.Send(new Assignment());

    /// <summary>Does this rank's part of what the first announces, until that dismisses it.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="settings">The reproduction.</param>
    /// <param name="cancel">Asks all ranks to stop.</param>
    /// <exception cref="RiffleException">A part can't be done.</exception>
    public static void Assist(Ranks ranks, Settings settings, CancellationToken cancel)
    {
        using var width = Arithmetic.Prefer(Arithmetic.PortableBits);
        var data = Dataset.Open(settings.Data, ImageCodec.Default);
        while (JsonSerializer.Deserialize<Assignment>(ranks.FromFirst(null), ReproductionFolder.Json) is { Recipe: { } recipe } assignment)
        {
            if (assignment.Run is { } run)
            {
                using var trainer = assignment.IsResumed
                    ? Trainer.Resume(run, data.Codec, data.Directory, assignment.SoftLabels, settings.Threads, ranks: ranks, cancel: cancel)
                    : Trainer.Start(data, assignment.Network!, recipe, run, new()
                    {
                        Seed = assignment.Seed,
                        Threads = settings.Threads,
                        From = assignment.From is { } from ? FineTuning.Load(from) : null,
                        SoftLabels = assignment.SoftLabels,
                        Ranks = ranks,
                    }, cancel: cancel);
                trainer.Run(cancel: cancel);
            }
            else
            {
                Model[] teachers = [.. assignment.Teachers.Select(teacher => Model.Open(teacher))];
                Teachers.Assist(ranks, teachers, data, recipe.Augmentation, assignment.Views, assignment.Seed, settings.Threads, cancel);
            }
        }
    }

    private static void Send(this Ranks ranks, Assignment assignment)
    {
        if (ranks.Count > 1)
            ranks.FromFirst(JsonSerializer.SerializeToUtf8Bytes(assignment, ReproductionFolder.Json));
    }

    /// <summary>A training, with a run; teachers that predict, without one; or, without a recipe, the end.</summary>
    private sealed record Assignment
    {
        public string? Run { get; init; }

        public bool IsResumed { get; init; }

        public NetworkSpec? Network { get; init; }

        public Recipe? Recipe { get; init; }

        public ulong Seed { get; init; }

        public string? SoftLabels { get; init; }

        public string? From { get; init; }

        public string[] Teachers { get; init; } = [];

        public int Views { get; init; }
    }
}
