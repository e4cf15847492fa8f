using Riffle.Distribution;

namespace Riffle.Training;

/// <summary>The options of <see cref="Trainer.Start"/> beside the recipe.</summary>
public sealed record TrainerOptions
{
    /// <summary>The seed of everything random.</summary>
    public ulong Seed { get; init; }

    /// <summary>Threads that compute; 0: one per core. Does not change the result.</summary>
    public int Threads { get; init; }

    /// <summary>The weights to start from; null: initialised from the seed.</summary>
    public FineTuning? From { get; init; }

    /// <summary>A folder of <see cref="Distillation.SoftLabels"/> for the data set, used as <see cref="Recipes.Recipe.Distillation"/> says; null: none.
    /// A resume needs it too.</summary>
    public string? SoftLabels { get; init; }

    /// <summary>The processes that train the network together; null: this one alone. Each makes the same calls with the same data, of which it reads its share. Rank 0
    /// alone has the run folder. The result is the same, bit for bit, on any number of them.</summary>
    public Ranks? Ranks { get; init; }

    /// <summary>The maximum memory for decoded training images in bytes, half of which is also the maximum for validation images; null: half of the
    /// machine's. If images don't fit, each epoch reads them again, which does not change the result.</summary>
    public long? ImageMemory { get; init; }
}
