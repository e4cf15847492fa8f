using System.CommandLine;
using System.CommandLine.Parsing;
using Riffle.Data;
using Riffle.Recipes;
using Riffle.Reports;

namespace Riffle.Cli.Commands;

/// <summary>Options shared by several commands, and the options of <c>train</c> that each change one entry of a recipe.</summary>
internal sealed class TrainingOptions : IRecipeOptions
{
    private readonly OptionEntries<Recipe> _entries = new();
    private readonly AugmentationOptions _augmentation = new();

    public TrainingOptions()
    {
        Epochs = _entries.Add<int>("--epochs", "N", "Number of passes over the training images.", RecipeLimits.Epochs, r => r.Epochs, (r, v) => r with { Epochs = v });
        Batch = _entries.Add<int>("--batch", "N", "Images per step. Default: the recipe's, or fewer for a small data set.", RecipeLimits.Batch,
            r => r.Batch, (r, v) => r with { Batch = v });
        _entries.AddChoice<OptimiserKind>("--optimiser", "Update rule.", r => r.Optimiser, (r, v) => r with { Optimiser = v });
        _entries.Add<double>("--momentum", "X", "Momentum of the optimisers nesterov and momentum.", RecipeLimits.Momentum,
            r => r.Momentum, (r, v) => r with { Momentum = v });
        _entries.Add<double>("--weight-decay", "X", "Strength of L2 regularisation on kernels.", RecipeLimits.WeightDecay,
            r => r.WeightDecay, (r, v) => r with { WeightDecay = v });
        _entries.Add<double>("--label-smoothing", "X", "Share of the target to spread over all classes.", RecipeLimits.LabelSmoothing,
            r => r.LabelSmoothing, (r, v) => r with { LabelSmoothing = v });
        var before = _entries.Options.Count;
        _entries.Add<double>("--soft-share", "X", "Weight of --soft-labels in the loss; the labels get the rest.", RecipeLimits.DistillationWeight,
            r => r.Distillation.Weight, (r, v) => r with { Distillation = r.Distillation with { Weight = v } });
        _entries.Add<double>("--temperature", "X", "Divides logits before they are compared with --soft-labels, at the start of training.",
            RecipeLimits.Temperature, r => r.Distillation.Temperature, (r, v) => r with { Distillation = r.Distillation with { Temperature = v } });
        _entries.Add<double>("--last-temperature", "X", "Temperature at the end of training; it changes along half a cosine.", RecipeLimits.Temperature,
            r => r.Distillation.TemperatureAt(1), (r, v) => r with { Distillation = r.Distillation with { LastTemperature = v } });
        OfSoftLabels = [.. _entries.Options.Skip(before)];
        _entries.AddChoice<InitialisationKind>("--initialisation", "Distribution of the initial kernels.",
            r => r.Initialisation, (r, v) => r with { Initialisation = v });
        _entries.AddChoice<ScheduleKind>("--schedule", "Learning rate schedule.",
            r => r.Schedule.Kind, (r, v) => Change(r, s => s with { Kind = v }));
        _entries.Add<double>("--learning-rate", "X", "Peak learning rate. Default: the recipe's, or less with the smaller batch of a small data set.",
            RecipeLimits.LearningRate, r => r.Schedule.LearningRate, (r, v) => Change(r, s => s with { LearningRate = v }));
        _entries.Add<double>("--warm-up", "EPOCHS", "Epochs during which the learning rate rises; may be a fraction.", RecipeLimits.WarmUpEpochs,
            r => r.Schedule.WarmUpEpochs, (r, v) => Change(r, s => s with { WarmUpEpochs = v }));
        _entries.Add<int>("--patience", "EPOCHS", "plateau: epochs without a better top-1 before a drop.", RecipeLimits.Patience,
            r => r.Schedule.Patience, (r, v) => Change(r, s => s with { Patience = v }));
        _entries.Add<int>("--cooldown", "EPOCHS", "plateau: epochs to wait after a drop.", RecipeLimits.Patience,
            r => r.Schedule.Cooldown, (r, v) => Change(r, s => s with { Cooldown = v }));
        _entries.Add<int>("--drops-to-end", "N", "plateau: end the training after N drops in a row without a better top-1. 0: never.", RecipeLimits.DropsToEnd,
            r => r.Schedule.DropsToEnd, (r, v) => Change(r, s => s with { DropsToEnd = v }));
        _entries.Add<int>("--stop-after", "EPOCHS", "End the training early after N epochs in a row without a better top-1. 0: never.", RecipeLimits.StopAfter,
            r => r.Schedule.StopAfter, (r, v) => Change(r, s => s with { StopAfter = v }));
        _entries.Add<int>("--step-epochs", "EPOCHS", "step: epochs between drops.", RecipeLimits.StepEpochs,
            r => r.Schedule.StepEpochs, (r, v) => Change(r, s => s with { StepEpochs = v }));
        _entries.Add<double>("--factor", "X", "plateau and step: factor that a drop multiplies the rate by.", RecipeLimits.Factor,
            r => r.Schedule.Factor, (r, v) => Change(r, s => s with { Factor = v }));
        _entries.Add<double>("--minimum-rate", "X", "Lower limit of the learning rate.", RecipeLimits.MinimumRate,
            r => r.Schedule.Minimum, (r, v) => Change(r, s => s with { Minimum = v }));
        var fit = Fit();
        fit.Description += " Default: crop, or as --from or --soft-labels have it.";
        _entries.AddChoice<FitKind>(fit, r => r.Fit, (r, v) => r with { Fit = v });
        _entries.AddSwitch(
            new("--balance") { Description = "Count every class alike, however many images it has; for data sets whose classes differ by more than 3 to 1." },
            r => r.Balanced, r => r with { Balanced = true });
        _entries.AddSwitch(
            new("--local-batch-norm")
            {
                Description = "With mpirun or srun: batch norm takes the statistics of each rank's own images, so that no rank waits for another. Then the weights depend on the number of ranks.",
            },
            r => r.LocalBatchNorm, r => r with { LocalBatchNorm = true });
        _entries.AddSwitch(Freeze, r => r.FreezeFeatures, r => r with { FreezeFeatures = true });
    }

    /// <summary>The number of epochs.</summary>
    public Option<int> Epochs { get; }

    /// <summary>Images per step.</summary>
    public Option<int> Batch { get; }

    /// <summary>Trains only the classifier.</summary>
    public Option<bool> Freeze { get; } = new("--freeze")
    {
        Description = "With --from: train only the classifier. The features and their batch norm statistics don't change.",
    };

    /// <summary>The options that require soft labels.</summary>
    public Option[] OfSoftLabels { get; }

    /// <summary>The allowed numbers of threads; 0: one per core.</summary>
    public static Limits<int> ThreadLimits { get; } = new(0, 1024);

    public IEnumerable<Option> All => [.. _entries.Options, .. _augmentation.All];

    public static Option<string> SoftLabels() => new("--soft-labels")
    {
        Description = "Soft labels written by 'riffle teach', to learn from beside the labels (distillation).",
        HelpName = "FOLDER",
    };

    public static Option<string> Fit() => OptionEntries<Recipe>.Choice<FitKind>(
        "--fit",
        "How images that are not square become squares, for training and whenever the network is used: crop cuts their ends off, pad adds grey, stretch changes shapes.");

    public static Option<int> Threads()
    {
        var option = Numbers.Option("--threads", "N", ThreadLimits);
        option.Description = "Threads that compute. 0: one per core. Does not change the result.";
        return option;
    }

    public static void Require(bool condition, SymbolResult result, string message)
    {
        if (!condition)
            result.AddError(message);
    }

    public static bool IsSpecified(ParseResult parse, Option option) => parse.GetResult(option) is { Implicit: false };

    /// <summary>The recipe, with the changes given on the command line.</summary>
    public Recipe Apply(ParseResult parse, Recipe recipe) =>
        _entries.Apply(parse, recipe) with { Augmentation = _augmentation.Apply(parse, recipe.Augmentation) };

    /// <summary>The words of the command line that give these options.</summary>
    public IEnumerable<string> Specified(ParseResult parse) => [.. _entries.Specified(parse), .. _augmentation.Specified(parse)];

    /// <summary>The command-line words that turn one recipe into another; null if no options do.</summary>
    public IReadOnlyList<string>? Between(Recipe usual, Recipe wanted) =>
        _entries.ArgumentsFor(usual with { Augmentation = wanted.Augmentation }, wanted) is { } words
        && _augmentation.ArgumentsFor(usual.Augmentation, wanted.Augmentation) is { } changes
            ? [.. words, .. changes]
            : null;

    /// <summary>What the command line has to say for an augmentation to become another; null where there are no options for that.</summary>
    public IReadOnlyList<string>? Between(Augmentation usual, Augmentation wanted) => _augmentation.ArgumentsFor(usual, wanted);

    private static Recipe Change(Recipe recipe, Func<Schedule, Schedule> change) => recipe with { Schedule = change(recipe.Schedule) };
}
