using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Encodings.Web;
using System.Text.Json;
using Riffle.Data;
using Riffle.Recipes;
using Riffle.Study;

namespace Riffle.Cli.Commands;

/// <summary>Options that train, evaluate and predict share, and those of train that each change one entry of a recipe.</summary>
internal sealed class TrainingOptions : IRecipeOptions
{
    private readonly OptionEntries<Recipe> _entries = new();
    private readonly AugmentationOptions _augmentation = new();

    public TrainingOptions()
    {
        Epochs = _entries.Add<int>("--epochs", "N", "Passes over the training images.", RecipeLimits.Epochs, r => r.Epochs, (r, v) => r with { Epochs = v });
        _entries.Add<int>("--batch", "N", "Images in a step; fewer for a small data set, unless given.", RecipeLimits.Batch,
            r => r.Batch, (r, v) => r with { Batch = v });
        _entries.AddChoice<OptimiserKind>("--optimizer", "How gradients become steps.", r => r.Optimiser, (r, v) => r with { Optimiser = v });
        _entries.Add<double>("--momentum", "X", "Momentum of nesterov and momentum.", RecipeLimits.Momentum,
            r => r.Momentum, (r, v) => r with { Momentum = v });
        _entries.Add<double>("--weight-decay", "X", "Strength of L2 on kernels.", RecipeLimits.WeightDecay,
            r => r.WeightDecay, (r, v) => r with { WeightDecay = v });
        _entries.Add<double>("--label-smoothing", "X", "Share of the target spread over all classes.", RecipeLimits.LabelSmoothing,
            r => r.LabelSmoothing, (r, v) => r with { LabelSmoothing = v });
        var before = _entries.Options.Count;
        _entries.Add<double>("--soft-share", "X", "Share of the loss that follows --soft-labels instead of the labels.", RecipeLimits.SoftShare,
            r => r.Distillation.Share, (r, v) => r with { Distillation = r.Distillation with { Share = v } });
        _entries.Add<double>("--temperature", "X", "What logits are divided by before they are compared with --soft-labels, at the beginning.",
            RecipeLimits.Temperature, r => r.Distillation.Temperature, (r, v) => r with { Distillation = r.Distillation with { Temperature = v } });
        _entries.Add<double>("--last-temperature", "X", "The same at the end; it falls or rises along half a cosine.", RecipeLimits.Temperature,
            r => r.Distillation.TemperatureAt(1), (r, v) => r with { Distillation = r.Distillation with { LastTemperature = v } });
        OfSoftLabels = [.. _entries.Options.Skip(before)];
        _entries.AddChoice<InitialisationKind>("--initialisation", "How kernels start.",
            r => r.Initialisation, (r, v) => r with { Initialisation = v });
        _entries.AddChoice<ScheduleKind>("--schedule", "How the learning rate falls.",
            r => r.Schedule.Kind, (r, v) => Change(r, s => s with { Kind = v }));
        _entries.Add<double>("--learning-rate", "X", "The full learning rate; lower with the smaller batch of a small data set, unless given.",
            RecipeLimits.LearningRate, r => r.Schedule.LearningRate, (r, v) => Change(r, s => s with { LearningRate = v }));
        _entries.Add<double>("--warm-up", "EPOCHS", "Epochs, or a fraction, of rising learning rate.", RecipeLimits.WarmUpEpochs,
            r => r.Schedule.WarmUpEpochs, (r, v) => Change(r, s => s with { WarmUpEpochs = v }));
        _entries.Add<int>("--patience", "EPOCHS", "plateau: epochs without a better top-1 it bears.", RecipeLimits.Patience,
            r => r.Schedule.Patience, (r, v) => Change(r, s => s with { Patience = v }));
        _entries.Add<int>("--cooldown", "EPOCHS", "plateau: epochs after a drop that do not count.", RecipeLimits.Patience,
            r => r.Schedule.Cooldown, (r, v) => Change(r, s => s with { Cooldown = v }));
        _entries.Add<int>("--step-epochs", "EPOCHS", "step: epochs between drops.", RecipeLimits.StepEpochs,
            r => r.Schedule.StepEpochs, (r, v) => Change(r, s => s with { StepEpochs = v }));
        _entries.Add<double>("--factor", "X", "plateau and step: what a drop multiplies the rate by.", RecipeLimits.Factor,
            r => r.Schedule.Factor, (r, v) => Change(r, s => s with { Factor = v }));
        _entries.Add<double>("--minimum-rate", "X", "The rate never falls below this.", RecipeLimits.MinimumRate,
            r => r.Schedule.Minimum, (r, v) => Change(r, s => s with { Minimum = v }));
        _entries.AddSwitch(Freeze, r => r.FreezeFeatures, r => r with { FreezeFeatures = true });
    }

    /// <summary>How long it is trained.</summary>
    public Option<int> Epochs { get; }

    /// <summary>Train the classifier alone.</summary>
    public Option<bool> Freeze { get; } = new("--freeze")
    {
        Description = "With --from: train the classifier alone. The features, the statistics of their batch norm too, stay as they are.",
    };

    /// <summary>What there have to be soft labels for.</summary>
    public Option[] OfSoftLabels { get; }

    /// <summary>How documents for programs are written.</summary>
    public static JsonSerializerOptions Json { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = true,
    };

    /// <summary>How many threads can be asked for; 0: one per core.</summary>
    public static Limits<int> ThreadLimits { get; } = new(0, 1024);

    public IEnumerable<Option> All => [.. _entries.Options, .. _augmentation.All];

    public static Option<string> SoftLabels() => new("--soft-labels")
    {
        Description = "What better networks say of the training images, as 'riffle teach' writes it; it counts beside the labels (distillation).",
        HelpName = "FOLDER",
    };

    public static Option<int> Threads()
    {
        var option = Numbers.Option("--threads", "N", ThreadLimits);
        option.Description = "Threads that compute; 0: one per core. The result does not depend on it.";
        return option;
    }

    public static void Require(bool condition, SymbolResult result, string message)
    {
        if (!condition)
            result.AddError(message);
    }

    public static bool IsGiven(ParseResult parse, Option option) => parse.GetResult(option) is { Implicit: false };

    /// <summary>The recipe with what the command line says otherwise.</summary>
    public Recipe Apply(ParseResult parse, Recipe recipe) =>
        _entries.Apply(parse, recipe) with { Augmentation = _augmentation.Apply(parse, recipe.Augmentation) };

    /// <summary>The words of the command line that are these options.</summary>
    public IEnumerable<string> Given(ParseResult parse) => [.. _entries.Given(parse), .. _augmentation.Given(parse)];

    /// <summary>What the command line has to say for a recipe to become another; null where there are no options for that.</summary>
    public IReadOnlyList<string>? Between(Recipe usual, Recipe wanted) =>
        _entries.Words(usual with { Augmentation = wanted.Augmentation }, wanted) is { } words
        && _augmentation.Words(usual.Augmentation, wanted.Augmentation) is { } changes
            ? [.. words, .. changes]
            : null;

    /// <summary>What the command line has to say for an augmentation to become another; null where there are no options for that.</summary>
    public IReadOnlyList<string>? Between(Augmentation usual, Augmentation wanted) => _augmentation.Words(usual, wanted);

    private static Recipe Change(Recipe recipe, Func<Schedule, Schedule> change) => recipe with { Schedule = change(recipe.Schedule) };
}
