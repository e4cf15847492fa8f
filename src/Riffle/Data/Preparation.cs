using System.Collections.Immutable;
using System.Diagnostics;
using Riffle.Data.Sources;
using Riffle.Formats;

namespace Riffle.Data;

/// <summary>Turns a folder or an archive of images into a data set folder: shards of TFRecords and <c>dataset.json</c>.</summary>
/// <remarks>
/// Every image is decoded once to check it; its original bytes are stored. The result depends on the images, their names and the options, but neither on the
/// kind of container nor on the number of threads. Memory holds the names of all files and a bounded number of images.
/// </remarks>
public static class Preparation
{
    /// <summary>Prepares a data set. The output folder appears when it is complete; if anything fails, it stays as it was.</summary>
    /// <param name="source">A folder, .zip, .tar or .tar.gz in Tiny ImageNet's layout or with class folders, or TFRecords that another program wrote: a folder
    /// of them, a file, or a pattern as <c>data/*.tfrecord</c>.</param>
    /// <param name="output">The folder to write.</param>
    /// <param name="options">The options.</param>
    /// <param name="codec">Decodes the images, for example <c>ImageCodec.Default</c>.</param>
    /// <param name="progress">Receives the progress, from one thread at a time; may be null.</param>
    /// <param name="cancel">Stops it and removes what was written.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    /// <exception cref="RiffleException">The source can't be read, or the output can't be written.</exception>
    /// <exception cref="BadDataException">The layout is unknown, the archive is damaged, or something would be skipped and the options are strict.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static PreparationSummary Run(
        string source, string output, PreparationOptions options, IImageCodec codec, IProgress<WorkProgress>? progress = null, CancellationToken cancel = default)
    {
        options.Check();
        CheckApart(source, output);
        var clock = Stopwatch.StartNew();
        using var folder = new PreparationFolder(output, options.Replace);
        using var container = SourceContainer.Open(source, options.Records, options.NameEncoding);
        var job = new Job(container, options, codec, progress, cancel);
        try
        {
            var info = job.Write(folder.Path);
            info.Save(folder.Path);
            cancel.ThrowIfCancellationRequested();
            folder.Complete();
            return new PreparationSummary(output, info, clock.Elapsed) { Findings = job.Findings };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotWrite(output, e);
        }
    }

    private static void CheckApart(string source, string output)
    {
        static string Full(string path) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)) + Path.DirectorySeparatorChar;
        if (Full(output).StartsWith(Full(source), StringComparison.Ordinal))
            throw new RiffleException($"{output}: the folder is inside the source {source}; name a folder outside it");
    }

    /// <summary>One run over one source.</summary>
    private sealed class Job(
        SourceContainer container, PreparationOptions options, IImageCodec codec, IProgress<WorkProgress>? progress, CancellationToken cancel)
    {
        private readonly Skips _skips = new(container.Path, options.Strict);
        private readonly Dictionary<(int Width, int Height), int> _sizes = [];
        private readonly CheckFindings _findings = new();
        private EarlierImages? _earlier;
        private int _known;

        public ImmutableArray<CheckGroup> Findings => _findings.ToArray();

        public DatasetInfo Write(string directory)
        {
            var listing = container.List(found => progress?.Report(new WorkProgress(WorkStage.Listing, found, 0)), cancel);
            var layout = SourceLayout.Find(
                container.Path, listing, _skips, setAside: options.ValidationFraction is not null, options.IgnoreValidation, oneClass: options.AddTo is not null);
            if (layout.HasValidation && options.ValidationFraction is not null)
            {
                throw new RiffleException(
                    $"{container.Path}: already has validation images, {layout.Validation}, so none are set aside.")
                {
                    CommandLineAdvice = "Remove --validation-fraction, or leave them out with --ignore-validation.",
                };
            }

            if (layout.Test is not null && options.TestFraction is not null)
            {
                throw new RiffleException(
                    $"{container.Path}: already has test images, {layout.Test}, so none are set aside.")
                {
                    CommandLineAdvice = "Remove --test-fraction, or leave them out with --ignore-validation.",
                };
            }

            CheckGroups(layout);
            var (classes, images, settings) = options.AddTo is null
                ? (layout.Classes, SettingAside.Apply(layout.Images, layout.HasValidation, options), options)
                : Join(layout, listing.Files.Max(file => file.Index) + 1);
            var plan = PreparationPlan.Make(images, options);
            CheckSpace(directory, plan);

            int[][] perClass = [.. Splits.All.Select(_ => new int[classes.Length])];
            using var shards = new ShardWriter(directory, plan.Shards);
            var tally = new CheckTally(_findings);
            WriteRecords(directory, plan, new RecordMaker(classes, options, codec), shards, perClass, tally);
            shards.Complete();
            CheckSome(layout, perClass);
            tally.CheckClasses(container.Path, classes, hasValidation: shards.Count(Split.Validation) > 0);
            AddEmptyClasses(classes, perClass[0]);
            return Describe(layout, settings, classes, shards, perClass);
        }

        /// <summary>The images of another data set, and those of the source that it does not have.</summary>
        private (ImmutableArray<DatasetClass> Classes, LabelledImage[] Images, PreparationOptions Settings) Join(SourceLayout layout, int firstIndex)
        {
            _earlier = EarlierImages.Open(options.AddTo!, options, codec, firstIndex, cancel);
            var settings = _earlier.Complete(options, layout);
            var known = container.Read([.. layout.Images.Select(image => image.Entry)])
                .Where(file => file.Skip is null && _earlier.Has(file.Bytes.Span)).Select(file => file.Entry.Index).ToHashSet();
            _known = known.Count;
            var images = layout.Images.Where(image => !known.Contains(image.Entry.Index)).ToArray();
            if (images.Length == 0)
                throw new RiffleException($"{container.Path}: nothing to add; all {_known:N0} images are in {options.AddTo} already");
            return (_earlier.ClassesWith(layout.Classes), _earlier.With(layout, images, settings), settings);
        }

        /// <summary>Refuses a pattern without effect: it is a mistake, and a split that was to be by patients would be by images.</summary>
        private void CheckGroups(SourceLayout layout)
        {
            if (options.GroupBy is not { } pattern)
                return;
            if ((layout.HasValidation || options.ValidationFraction == 0) && options.TestFraction is null or 0)
            {
                throw new RiffleException($"{container.Path}: a pattern of groups has no effect, because no images are set aside.")
                {
                    CommandLineAdvice = "Leave out --group-by, or add --test-fraction or --ignore-validation.",
                };
            }

            var groups = new ImageGroups(pattern);
            var training = layout.Images.Where(image => image.Split == Split.Train);
            if (training.All(image => groups.Of(image.Name) is null))
            {
                throw new RiffleException(
                    $"{container.Path}: the pattern of groups '{pattern}' matches no path of the {training.Count():N0} training images, for example {training.First().Name}.")
                {
                    CommandLineAdvice = "Give another --group-by.",
                };
            }
        }

        private bool InOrder => container.AnyOrder && _earlier is null && options.BakeCopies <= 1;

        private void WriteRecords(string directory, PreparationPlan plan, RecordMaker maker, ShardWriter shards, int[][] perClass, CheckTally tally)
        {
            if (InOrder)
            {
                Process(plan, maker, shards, perClass, tally);
                return;
            }

            using var spill = new SpillFile(Path.Combine(directory, "unordered"), plan.Records);
            Process(plan, maker, spill, perClass, tally);
            spill.CopyTo(shards, position =>
            {
                cancel.ThrowIfCancellationRequested();
                progress?.Report(new WorkProgress(WorkStage.Writing, position + 1, plan.Records));
            });
        }

        private void Process(PreparationPlan plan, RecordMaker maker, IRecordSink sink, int[][] perClass, CheckTally tally)
        {
            var numbers = new Dictionary<int, int>(plan.Images.Count);
            for (var i = 0; i < plan.Images.Count; i++)
                numbers.Add(plan.Images[i].Entry.Index, i);
            var files = container.Read([.. plan.Images.Select(image => image.Entry).Where(entry => _earlier?.Contains(entry) != true)])
                .Concat(_earlier?.Read() ?? []);
            var made = PreparationPipeline.Run(
                files,
                file => file.Bytes.Length,
                file => (Number: numbers[file.Entry.Index], Made: maker.Make(plan.Images[numbers[file.Entry.Index]], file)),
                options.Threads,
                cancel);

            var done = 0;
            foreach (var (number, record) in made)
            {
                cancel.ThrowIfCancellationRequested();
                Store(plan.Images[number], plan.Positions[number], record, sink, perClass, tally);
                progress?.Report(new WorkProgress(WorkStage.Checking, ++done, plan.Images.Count));
            }
        }

        private void Store(LabelledImage image, int[] positions, MadeRecords made, IRecordSink sink, int[][] perClass, CheckTally tally)
        {
            if (made.Skip is not null)
            {
                _skips.Add(made.Skip);
                return;
            }

            for (var i = 0; i < positions.Length; i++)
                sink.Add(positions[i], made.Records[i]);
            perClass[(int)image.Split][image.Label] += positions.Length;
            tally.Add(image.Split, image.Label, new("", 0, null, image.Name), made.Facts);
            var size = (made.Facts.Width, made.Facts.Height);
            _sizes[size] = _sizes.GetValueOrDefault(size) + 1;
        }

        /// <summary>Refuses a split without readable images, with the reasons, before classes without images are reported.</summary>
        private void CheckSome(SourceLayout layout, int[][] perClass)
        {
            foreach (var split in Splits.All)
            {
                var count = layout.Images.Count(image => image.Split == split);
                if (count == 0 || perClass[(int)split].Sum() > 0)
                    continue;
                var (kind, way) = layout.HeldOut(split) is not { } place ? ("", "")
                    : ($"{split.Adjective()} ", $"; move {place} away to set training images aside instead");
                throw new BadDataException($"{container.Path}: none of the {count:N0} {kind}images can be read: {Reasons()}. Riffle reads {codec.Formats}{way}");
            }
        }

        /// <summary>Why images can't be read, each reason with examples of its kinds.</summary>
        private string Reasons()
        {
            var reasons = _skips.ToArray().Where(skip => !SkipReason.OfListing.Contains(skip.Reason));
            static IEnumerable<string> Examples(DatasetSkipped skip) => skip.Examples.DistinctBy(example => example[(example.IndexOf(':') + 1)..]).Take(3);
            return string.Join("; ", reasons.Select(skip => $"{skip.Count:N0} × {skip.Reason}, for example {string.Join(", ", Examples(skip))}"));
        }

        private void AddEmptyClasses(ImmutableArray<DatasetClass> classes, int[] train)
        {
            for (var label = 0; label < classes.Length; label++)
            {
                if (train[label] == 0)
                    _skips.Add(new Skip(SkipReason.EmptyClass, classes[label].Name, "none of its images can be read; it keeps its label"));
            }
        }

        private DatasetInfo Describe(
            SourceLayout layout, PreparationOptions settings, ImmutableArray<DatasetClass> classes, ShardWriter shards, int[][] perClass) => new()
            {
                Riffle = typeof(Preparation).Assembly.GetName().Version!.ToString(3),
                Source = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(container.Path))),
                Seed = options.Seed,
                ValidationFraction = layout.HasValidation ? null : settings.ValidationFraction ?? PreparationOptions.DefaultFraction,
                GroupBy = settings.GroupBy,
                TestFraction = settings.TestFraction is > 0 ? settings.TestFraction : null,
                AddedTo = _earlier?.Origin,
                Baking = options.BakeCopies > 0 ? new DatasetBaking(options.BakeCopies, options.BakeSize) : null,
                Train = perClass[(int)Split.Train].Sum(),
                Validation = perClass[(int)Split.Validation].Sum(),
                Test = perClass[(int)Split.Test].Sum(),
                TrainShards = shards.Count(Split.Train),
                ValidationShards = shards.Count(Split.Validation),
                TestShards = shards.Count(Split.Test),
                Fingerprint = ShardWriter.Fingerprint(shards.Done),
                Sizes = Sizes(),
                Layout = layout.Shown,
                Notes = layout.Notes,
                LeftOut = _known == 0 ? layout.LeftOut : [.. layout.LeftOut, new DatasetSkipped(LeftOutReason.Known, _known, [])],
                Skipped = _skips.ToArray(),
                TrainPerClass = [.. perClass[(int)Split.Train]],
                ValidationPerClass = [.. perClass[(int)Split.Validation]],
                TestPerClass = shards.Count(Split.Test) > 0 ? [.. perClass[(int)Split.Test]] : null,
                Shards = [.. shards.Done],
                Classes = classes,
            };

        private DatasetSizes Sizes()
        {
            var ((width, height), count) = _sizes.OrderByDescending(size => size.Value).ThenBy(size => size.Key).First();
            return new DatasetSizes(
                _sizes.Keys.Min(size => size.Width),
                _sizes.Keys.Min(size => size.Height),
                _sizes.Keys.Max(size => size.Width),
                _sizes.Keys.Max(size => size.Height),
                width,
                height,
                count);
        }

        /// <summary>Checks the free disk space early, to save hours. Baked images are not counted, because their size is unknown.</summary>
        private void CheckSpace(string directory, PreparationPlan plan)
        {
            var needed = options.BakeCopies > 0 ? 0 : plan.Images.Sum(image => image.Entry.Length) * (InOrder ? 1 : 2);
            var free = new DriveInfo(directory).AvailableFreeSpace;
            if (free < needed)
            {
                var place = Path.GetDirectoryName(directory);
                throw new RiffleException($"{place}: not enough space, {free / 1e6:N0} MB free but {needed / 1e6:N0} MB needed; name a folder on another disk");
            }
        }
    }
}
