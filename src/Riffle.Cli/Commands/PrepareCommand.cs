using System.CommandLine;
using System.Globalization;
using Riffle.Data;
using Riffle.Images;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle prepare</c>: turns a folder or an archive of images into a data set folder.</summary>
internal static class PrepareCommand
{
    public static Command Create(string name)
    {
        var source = new Argument<string>("SOURCE")
        {
            Description = "Folder, .zip or .tar.gz with one folder per class, with train/CLASS and val/CLASS (also Training and Testing, seg_train, valid …), or "
                + "in Tiny ImageNet's layout. Or TFRecords from other programs (plain, GZIP or ZLIB): a folder, a file, or a quoted pattern.",
        };
        var output = new Option<string>("--out")
        {
            Description = "Data set folder to write. It appears when it is complete.",
            HelpName = "DIR",
            Required = true,
        };
        var fraction = new Option<double?>("--validation-fraction")
        {
            Description = "Share of each class to set aside if the source has no labelled validation images. Default: 0.1, or nothing if "
                + "there is a test folder.",
            HelpName = "X",
        };
        var fold = Numbers.Option("--fold", "K", new Limits<int>(0, 1000));
        fold.Description = "Which part of each class to set aside for validation. With --validation-fraction 0.2, folds 0 to 4 set each image aside once, for cross-validation.";
        var test = new Option<double?>("--test-fraction")
        {
            Description = "Share of each class to set aside for testing: images that no training reads, to measure the chosen network once. Default: nothing.",
            HelpName = "X",
        };
        var groups = new Option<string?>("--group-by")
        {
            Description = "Keep images that belong together (of a patient, of a burst) in one split when images are set aside: a regular expression "
                + "on the path of an image. Images from whose paths it captures the same text, in its first group or as a whole, are a group.",
            HelpName = "PATTERN",
        };
        var ignore = new Option<bool>("--ignore-validation")
        {
            Description = "Leave the source's validation and test images out and set training images aside instead, to compare recipes without looking at them.",
        };
        var addTo = new Option<string?>("--add-to")
        {
            Description = "Take the images of another data set folder, too, each in the split it has there. SOURCE may then have a single class. What that data set has "
                + "already is left out, and new images are set aside as its were.",
            HelpName = "DIR",
        };
        var seed = new Option<ulong>("--seed")
        {
            Description = "Seed of the order, and of which images are set aside.",
            HelpName = "N",
            DefaultValueFactory = _ => 0,
        };
        var shards = new Option<int>("--shards")
        {
            Description = "Number of training files; validation and test get a quarter as many each.",
            HelpName = "N",
            DefaultValueFactory = _ => 16,
        };
        var strict = new Option<bool>("--strict") { Description = "Stop with exit code 3 instead of skipping a file." };
        var bake = new Option<int>("--bake") { Description = "Store N augmented copies of each training image, with one-hot labels.", HelpName = "N" };
        var bakeSize = new Option<int>("--bake-size") { Description = "Height and width of baked images.", HelpName = "N", DefaultValueFactory = _ => 56 };
        var threads = new Option<int>("--threads") { Description = "Threads that decode images. 0: one per core.", HelpName = "N" };
        var force = new Option<bool>("--force") { Description = "Replace an existing data set." };
        var json = new Option<bool>("--json") { Description = "Print the summary as JSON." };
        var records = new RecordOptions();
        var names = RecordOptions.NameEncoding();

        var command = new Command(name, "Turns a folder or an archive of images into a data set: checks and shuffles them, and writes TFRecords.")
        {
            source, output, fraction, fold, test, groups, ignore, addTo, seed, shards, strict, bake, bakeSize, threads, force, json, names,
        };
        records.AddTo(command);
        return command.WithExamples(
            "riffle prepare tiny-imagenet-200.tar.gz --out data/tiny",
            "riffle prepare photos/ --out data/photos --validation-fraction 0.2 --seed 7",
            "riffle prepare photos/ --out data/photos --validation-fraction 0.15 --test-fraction 0.15",
            "riffle prepare scans/ --out data/scans --test-fraction 0.2 --group-by '(patient[0-9]+)'",
            "riffle prepare more/ --out data/photos2 --add-to data/photos",
            "riffle prepare tiny-imagenet-200.tar.gz --out data/dev --ignore-validation --validation-fraction 0.05",
            "riffle prepare tiny-imagenet-200.tar.gz --out data/baked --bake 4",
            "riffle prepare 'flowers/flowers_train_*.tfrecord' --out data/flowers")
        .WithAction((parse, cancel) =>
        {
            var options = new PreparationOptions
            {
                ValidationFraction = parse.GetValue(fraction),
                Fold = parse.GetValue(fold),
                TestFraction = parse.GetValue(test),
                GroupBy = parse.GetValue(groups),
                IgnoreValidation = parse.GetValue(ignore),
                AddTo = parse.GetValue(addTo),
                Seed = parse.GetValue(seed),
                Shards = parse.GetValue(shards),
                Strict = parse.GetValue(strict),
                BakeCopies = parse.GetValue(bake),
                BakeSize = parse.GetValue(bakeSize),
                Threads = parse.GetValue(threads) is var given and not 0 ? given : Environment.ProcessorCount,
                Replace = parse.GetValue(force),
                Records = records.Of(parse),
                NameEncoding = parse.GetValue(names),
            };
            PreparationSummary summary;
            using (var progress = new StageProgress())
                summary = Preparation.Run(parse.GetValue(source)!, parse.GetValue(output)!, options, ImageCodec.Default, progress, cancel);
            Console.Out.WriteLine(parse.GetValue(json) ? summary.ToJson() : Describe(summary));
            return ExitCode.Done;
        });
    }

    private static string Describe(PreparationSummary summary)
    {
        var info = summary.Info;
        var lines = new List<string>
        {
            $"{info.Source} → {summary.Output}",
        };
        if (info.AddedTo is { } other)
            lines.Add($"  added to    {other.Source}, whose images keep their splits");
        lines.AddRange(LayoutLines.Of(info.Layout, info.LeftOut, info.Notes, [.. info.Classes.Select(c => c.Name)]));
        foreach (var split in Splits.All.Where(split => split != Split.Test || info.Test > 0))
            lines.Add($"  {split.Adjective(),-10}  {Describe(info, split)}");
        lines.AddRange(ClassCountLines.Of(info.Counts));
        if (info.Sizes is { } sizes)
            lines.Add($"  sizes       {Describe(sizes)}");
        if (info.Baking is { } baking)
            lines.Add($"  baked       {baking.Copies} augmented copies of each training image, {baking.Size}×{baking.Size}");
        lines.Add($"  skipped     {(summary.Skipped == 0 ? "nothing" : summary.Skipped.ToString("N0", CultureInfo.InvariantCulture))}");
        foreach (var skipped in info.Skipped)
        {
            lines.Add($"    {skipped.Count:N0} × {skipped.Reason}:");
            lines.AddRange(skipped.Examples.Select(example => $"      {example}"));
            if (skipped.Count > skipped.Examples.Length)
                lines.Add($"      and {skipped.Count - skipped.Examples.Length:N0} more");
        }

        lines.AddRange(FindingLines.Of("warnings", summary.Findings));
        lines.Add($"  output      {summary.Bytes / 1e6:N1} MB, fingerprint {info.Fingerprint[..16]}");
        lines.Add($"  time        {DurationText.Of(summary.Elapsed)}");
        return string.Join(Environment.NewLine, lines);
    }

    private static string Describe(DatasetInfo info, Split split)
    {
        var (images, shards, perClass) = info.Of(split);
        if (images == 0)
            return "no images";
        var (least, most) = (perClass.Min(), perClass.Max());
        var range = least == most ? $"{least:N0}" : $"{least:N0} to {most:N0}";
        return $"{images:N0} images in {shards:N0} {(shards == 1 ? "file" : "files")}, {range} per class{SetAside(info, split)}";
    }

    private static string SetAside(DatasetInfo info, Split split)
    {
        if (info.SetAside(split) is not { } fraction)
            return "";
        var reached = info.GroupBy is null ? "of each class" : $"wanted, {100 * info.ShareSetAside(split):0.##} % reached in whole groups";
        return string.Create(CultureInfo.InvariantCulture, $", set aside ({100 * fraction:0.##} % {reached})");
    }

    private static string Describe(DatasetSizes sizes)
    {
        var common = $"{sizes.CommonWidth}×{sizes.CommonHeight}";
        return sizes.MinWidth == sizes.MaxWidth && sizes.MinHeight == sizes.MaxHeight
            ? $"all {common}"
            : $"{sizes.MinWidth}×{sizes.MinHeight} to {sizes.MaxWidth}×{sizes.MaxHeight}, {sizes.CommonCount:N0} of them {common}";
    }
}
