using System.CommandLine;
using System.CommandLine.Parsing;
using Riffle.Recipes;
using Riffle.Study;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle reproduce</c>: the study's tables, with our figures beside the published ones.</summary>
internal static class ReproduceCommand
{
    public static Command Create(string name)
    {
        var data = new Option<string>("--data") { Description = "Data set folder, written by 'riffle prepare'.", HelpName = "DIR", Required = true };
        var output = new Option<string>("--out")
        {
            Description = "Folder for all runs and the report. Give the same folder to continue.",
            HelpName = "DIR",
            Required = true,
        };
        var numbers = StudyFigures.Tables.Select(table => table.Number).ToArray();
        var tables = NumberList.Option("--tables", string.Join(',', numbers), new Limits<int>(numbers.Min(), numbers.Max()));
        tables.Description = "Train only the networks of these tables. Tables 1 (architecture) and 4 (complexity) need no training.";
        var models = new Option<string[]>("--models")
        {
            Description = "Train only these networks, separated by commas or spaces.",
            HelpName = "MODEL,MODEL",
            AllowMultipleArgumentsPerToken = true,
            CustomParser = ReadModels,
        };
        var recipe = new Option<string>("--recipe")
        {
            Description = "taught: trains teachers first, and then all networks with their soft labels. best: from labels alone. paper: as in the study.",
            DefaultValueFactory = _ => Recipe.Taught.Name,
        };
        recipe.AcceptOnlyFromAmong(Recipe.Taught.Name, Recipe.Best.Name, Recipe.Paper.Name);
        var epochs = Numbers.Optional("--epochs", "N", RecipeLimits.Epochs);
        epochs.Description = "Number of passes over the training images. Default: the recipe's.";
        var softLabels = TrainingOptions.SoftLabels();
        var teachers = new Option<string[]>("--teacher")
        {
            Description = "Make soft labels with this teacher first: a network of the study (trained before all others), a run or a file. Can be repeated.",
            HelpName = "MODEL-OR-RUN",
        };
        teachers.Validators.Add(result =>
            TrainingOptions.Require(result.GetResult(softLabels) is null, result, "--teacher makes its own soft labels; remove --soft-labels."));
        var from = new Option<string>("--from")
        {
            Description = "Start each network with its weights in this folder, for example models/ of another reproduction.",
            HelpName = "FOLDER",
        };
        var beside = new Option<string>("--beside") { Description = "Show the accuracies of another reproduction in this folder, row by row, in the report.", HelpName = "FOLDER" };
        var entries = new TrainingOptions();
        Option[] changes = [.. entries.All.Where(option => option != entries.Freeze && option.Name != epochs.Name)];
        var verify = new Option<bool>("--verify")
        {
            Description = "Train the first 100 steps of each finished network in --out anew, and compare the weights bit for bit. Trains nothing else.",
        };
        var threads = TrainingOptions.Threads();
        var seed = new Option<ulong>("--seed") { Description = "Seed of everything random: the same seed gives the same weights, bit for bit.", HelpName = "N" };

        var command = new Command(name, "Trains the networks of the study's tables, the smallest first, and reports them beside the published figures.")
        {
            data, output, tables, models, recipe, epochs, softLabels, teachers, from, beside, verify, threads, seed,
        };
        foreach (var option in changes)
            command.Options.Add(option);
        command.Validators.Add(result =>
        {
            if (result.GetResult(softLabels) is not null || result.GetResult(teachers) is not null || result.GetValue(recipe) == Recipe.Taught.Name)
                return;
            foreach (var option in entries.OfSoftLabels.Where(option => result.GetResult(option) is { Implicit: false }))
                result.AddError($"{option.Name} requires --soft-labels, --teacher or --recipe {Recipe.Taught.Name}.");
        });

        return command
            .WithExamples(
                "riffle reproduce --data data/tiny --out reproduced",
                "riffle reproduce --data data/tiny --out reproduced --tables 2 --epochs 60",
                "riffle reproduce --data data/baked --out paper --recipe paper",
                "riffle reproduce --data data/tiny --out reproduced --beside paper",
                "riffle reproduce --data data/tiny --out first-look --recipe best --models shufflenet-v1-g3-x0.25,mobilenet-v1-x0.25 --epochs 5",
                "riffle reproduce --data data/tiny --out other-teacher --teacher shufflenet-v2-x1.0",
                "riffle reproduce --data data/tiny --out longer --models mobilenet-v1-x0.25 --from models --learning-rate 0.25",
                "mpirun -n 8 riffle reproduce --data data/tiny --out reproduced",
                "riffle reproduce --data data/tiny --out reproduced --verify",
                "riffle reproduce --data data/tiny --out reproduced --tables 4")
            .WithAction((parse, cancel) =>
            {
                var settings = new Settings(
                    parse.GetRequiredValue(data), parse.GetRequiredValue(output), [.. parse.GetValue(tables) ?? []], [.. parse.GetValue(models) ?? []],
                    parse.GetRequiredValue(recipe), parse.GetValue(epochs), parse.GetValue(seed), parse.GetValue(threads), parse.GetValue(softLabels),
                    [.. parse.GetValue(teachers) ?? []])
                {
                    From = parse.GetValue(from),
                    Beside = parse.GetValue(beside),
                    Change = recipe => entries.Apply(parse, recipe),
                    Changes = [.. entries.Specified(parse)],
                    Options = entries,
                    Ranks = RankedProcess.Join(cancel),
                };
                if (settings.Selected.IsEmpty)
                {
                    throw new ArgumentException(
                        $"none of --models is in table {string.Join(", ", settings.Tables)} (--tables); remove --tables or name networks in it");
                }

                if (settings.Teachers.FirstOrDefault(teacher => !StudyFigures.Models.Contains(teacher) && !Path.Exists(teacher)) is { } unknown)
                {
                    throw new ArgumentException(
                        $"--teacher: '{unknown}' is not a run, a file or a network of the study; these are {string.Join(", ", StudyFigures.Models)}");
                }

                if (settings.Ranks is { IsFirst: false } ranks)
                {
                    Assistance.Assist(ranks, settings, cancel);
                    return ExitCode.Done;
                }

                var code = parse.GetValue(verify)
                    ? ReproductionDisplay.End(new Verification(settings).Run(new ReproductionDisplay(), cancel), settings)
                    : ReproductionDisplay.End(new Reproducer(settings).Run(new ReproductionDisplay(), cancel), settings);
                settings.Ranks?.Dismiss();
                return code;
            });
    }

    private static string[] ReadModels(ArgumentResult result)
    {
        var names = result.Tokens.SelectMany(token => token.Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).ToArray();
        foreach (var name in names.Where(name => !StudyFigures.Models.Contains(name)))
            result.AddError($"--models: '{name}' is not a network of the study. These are: {string.Join(", ", StudyFigures.Models)}.");
        return names;
    }
}
