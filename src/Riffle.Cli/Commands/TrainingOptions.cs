using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Encodings.Web;
using System.Text.Json;
using Riffle.Data;
using Riffle.Training;

namespace Riffle.Cli.Commands;

/// <summary>Options that train, evaluate and predict share, and those of train that each change one entry of a recipe.</summary>
internal sealed class TrainingOptions
{
    private readonly List<(Option Option, Func<ParseResult, Recipe, Recipe> Apply)> _entries = [];

    public TrainingOptions()
    {
        Add<int>("--epochs", "N", "Passes over the training images.", 1, 1_000_000, (r, v) => r with { Epochs = v });
        Add<int>("--batch", "N", "Images in a step; fewer for a small data set, unless given.", 1, 65536, (r, v) => r with { Batch = v });
        AddChoice<OptimiserKind>("--optimizer", "How gradients become steps.", (r, v) => r with { Optimiser = v });
        Add<double>("--momentum", "X", "Momentum of nesterov and momentum.", 0, 0.9999, (r, v) => r with { Momentum = v });
        Add<double>("--weight-decay", "X", "Strength of L2 on kernels.", 0, 1000, (r, v) => r with { WeightDecay = v });
        Add<double>("--label-smoothing", "X", "Share of the target spread over all classes.", 0, 0.9999, (r, v) => r with { LabelSmoothing = v });
        var before = _entries.Count;
        Add<double>("--soft-share", "X", "Share of the loss that follows --soft-labels instead of the labels.", 0, 1,
            (r, v) => r with { Distillation = r.Distillation with { Share = v } });
        Add<double>("--temperature", "X", "What logits are divided by before they are compared with --soft-labels, at the beginning.", 0.1, 1000,
            (r, v) => r with { Distillation = r.Distillation with { Temperature = v } });
        Add<double>("--last-temperature", "X", "The same at the end; it falls or rises along half a cosine.", 0.1, 1000,
            (r, v) => r with { Distillation = r.Distillation with { LastTemperature = v } });
        OfSoftLabels = [.. _entries.Skip(before).Select(entry => entry.Option)];
        AddChoice<InitialisationKind>("--initialisation", "How kernels start.", (r, v) => r with { Initialisation = v });
        AddChoice<ScheduleKind>("--schedule", "How the learning rate falls.", (r, v) => Change(r, s => s with { Kind = v }));
        Add<double>("--learning-rate", "X", "The full learning rate; lower with the smaller batch of a small data set, unless given.", 1e-12, 1000,
            (r, v) => Change(r, s => s with { LearningRate = v }));
        Add<double>("--warm-up", "EPOCHS", "Epochs, or a fraction, of rising learning rate.", 0, 1e6, (r, v) => Change(r, s => s with { WarmUpEpochs = v }));
        Add<int>("--patience", "EPOCHS", "plateau: epochs without a better top-1 it bears.", 0, 1_000_000, (r, v) => Change(r, s => s with { Patience = v }));
        Add<int>("--cooldown", "EPOCHS", "plateau: epochs after a drop that do not count.", 0, 1_000_000, (r, v) => Change(r, s => s with { Cooldown = v }));
        Add<int>("--step-epochs", "EPOCHS", "step: epochs between drops.", 1, 1_000_000, (r, v) => Change(r, s => s with { StepEpochs = v }));
        Add<double>("--factor", "X", "plateau and step: what a drop multiplies the rate by.", 1e-6, 1, (r, v) => Change(r, s => s with { Factor = v }));
        Add<double>("--minimum-rate", "X", "The rate never falls below this.", 0, 1000, (r, v) => Change(r, s => s with { Minimum = v }));
        _entries.Add((Freeze, (parse, recipe) => recipe with { FreezeFeatures = parse.GetValue(Freeze) }));
        AddSwitch("--no-crop", "Train on centre crops instead of random ones.", r => Change(r, a => a with { RandomCrop = false }));
        AddSwitch("--no-flip", "Do not mirror training images.", r => Change(r, a => a with { Flip = false }));
        Add<float>("--brightness", "X", "Change brightness by up to this share; 0: not.", 0, 1, (r, v) => Change(r, a => a with { Brightness = v }));
        Add<float>("--contrast", "X", "Change contrast by up to this share.", 0, 1, (r, v) => Change(r, a => a with { Contrast = v }));
        Add<float>("--saturation", "X", "Change saturation by up to this share.", 0, 1, (r, v) => Change(r, a => a with { Saturation = v }));
        Add<float>("--hue", "X", "Turn hues by up to this share of a full turn.", 0, 0.5f, (r, v) => Change(r, a => a with { Hue = v }));
    }

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

    public IEnumerable<Option> All => _entries.Select(entry => entry.Option);

    public static Option<string> SoftLabels() => new("--soft-labels")
    {
        Description = "What better networks say of the training images, as 'riffle teach' writes it; it counts beside the labels (distillation).",
        HelpName = "FOLDER",
    };

    public static Option<int> Threads()
    {
        var option = new Option<int>("--threads") { Description = "Threads that compute; 0: one per core. The result does not depend on it.", HelpName = "N" };
        option.Validators.Add(result => Require(result.GetValueOrDefault<int>() is >= 0 and <= 1024, result, "--threads is from 0 to 1024."));
        return option;
    }

    public static void Require(bool condition, SymbolResult result, string message)
    {
        if (!condition)
            result.AddError(message);
    }

    /// <summary>The recipe with what the command line says otherwise.</summary>
    public Recipe Apply(ParseResult parse, Recipe recipe) =>
        _entries.Where(entry => IsGiven(parse, entry.Option)).Aggregate(recipe, (changed, entry) => entry.Apply(parse, changed));

    public static bool IsGiven(ParseResult parse, Option option) => parse.GetResult(option) is { Implicit: false };

    private void Add<T>(string name, string value, string description, Func<Recipe, T, Recipe> apply)
    {
        var option = new Option<T>(name) { Description = description, HelpName = value };
        _entries.Add((option, (parse, recipe) => apply(recipe, parse.GetRequiredValue(option))));
    }

    private void AddChoice<T>(string name, string description, Func<Recipe, T, Recipe> apply)
        where T : struct, Enum
    {
        // Not an option of the enumeration itself, which would take numbers too.
        var option = new Option<string>(name) { Description = description };
        option.AcceptOnlyFromAmong([.. Enum.GetNames<T>().Select(choice => choice.ToLowerInvariant())]);
        _entries.Add((option, (parse, recipe) => apply(recipe, Enum.Parse<T>(parse.GetRequiredValue(option), ignoreCase: true))));
    }

    private void Add<T>(string name, string value, string description, T least, T most, Func<Recipe, T, Recipe> apply)
        where T : struct, IComparable<T>
    {
        Add(name, value, description, apply);
        _entries[^1].Option.Validators.Add(result =>
        {
            // Of NaN both comparisons would have to hold.
            var number = result.GetValueOrDefault<T>();
            Require(number.CompareTo(least) >= 0 && number.CompareTo(most) <= 0, result, FormattableString.Invariant($"{name} is from {least} to {most}."));
        });
    }

    private static Recipe Change(Recipe recipe, Func<Schedule, Schedule> change) => recipe with { Schedule = change(recipe.Schedule) };

    private static Recipe Change(Recipe recipe, Func<Augmentation, Augmentation> change) => recipe with { Augmentation = change(recipe.Augmentation) };

    private void AddSwitch(string name, string description, Func<Recipe, Recipe> apply)
    {
        var option = new Option<bool>(name) { Description = description };
        _entries.Add((option, (parse, recipe) => parse.GetValue(option) ? apply(recipe) : recipe));
    }
}
