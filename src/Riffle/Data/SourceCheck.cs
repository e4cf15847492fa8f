using Riffle.Data.Sources;

namespace Riffle.Data;

/// <summary>Checks what <c>riffle prepare</c> takes, without writing anything.</summary>
internal static class SourceCheck
{
    /// <summary>What preparation leaves out and nobody misses; all else that it leaves out is a fault.</summary>
    private static readonly HashSet<string> Harmless =
        [SkipReason.EmptyClass, SkipReason.Unlisted, SkipReason.NoClass, SkipReason.Duplicate, SkipReason.Link];

    /// <returns>The layout of the source, as far as it can be read and recognised.</returns>
    public static CheckReport Run(
        string path,
        IImageCodec codec,
        TFRecordOptions records,
        string? nameEncoding,
        CheckFindings findings,
        CheckTally tally,
        int threads,
        IProgress<WorkProgress>? progress,
        CancellationToken cancel)
    {
        try
        {
            using var container = SourceContainer.Open(path, records, nameEncoding);
            var listing = container.List(found => progress?.Report(new(WorkStage.Listing, found, 0)), cancel);
            var skips = new Skips(path, strict: false);
            var layout = SourceLayout.Find(path, listing, skips);
            foreach (var skipped in skips.ToArray())
                findings.Add(skipped.Reason, !Harmless.Contains(skipped.Reason), skipped.Count, skipped.Examples);

            var images = layout.Images.ToDictionary(image => image.Entry.Index);
            var files = container.Read([.. layout.Images.Select(image => image.Entry)]);
            var done = 0;
            foreach (var (image, facts, fault) in PreparationPipeline.Run(
                ToTheEnd(files), file => file.Bytes.Length, file => Inspect(codec, images, file), threads, cancel))
            {
                if (image is null)
                    findings.Fault(CheckKind.Source, path, fault!.Detail!);
                else if (fault is not null)
                    AddFault(findings, fault);
                else
                    tally.Add(image.Split, image.Label, Place(image), facts);
                progress?.Report(new(WorkStage.Checking, ++done, images.Count));
            }

            tally.CheckClasses(path, layout.Classes, layout.HasValidation);
            return new()
            {
                Path = path,
                IsPrepared = false,
                Layout = layout.Shown,
                Notes = layout.Notes,
                LeftOut = layout.LeftOut,
                ClassNames = [.. layout.Classes.Select(c => c.Name)],
            };
        }
        catch (BadDataException e)
        {
            // It can't be listed, or its layout is unknown.
            findings.Fault(CheckKind.Source, path, e.Message);
            return new() { Path = path, IsPrepared = false };
        }
    }

    private static CheckPlace Place(LabelledImage image) => new("", 0, null, image.Name);

    /// <summary>Other files than images lie in class folders too.</summary>
    private static void AddFault(CheckFindings findings, Skip fault)
    {
        if (fault.Reason == SkipReason.Unsupported && !EntryName.MayBeImage(fault.Name))
            findings.Warn(fault.Reason, fault.Name, $"{fault}: {fault.Reason}");
        else
            findings.Fault(fault.Reason, fault.Name, fault.Detail is null ? $"{fault}: {fault.Reason}" : fault.ToString());
    }

    /// <summary>The files up to damage of the archive, and then the damage as one without an entry.</summary>
    private static IEnumerable<SourceFile> ToTheEnd(IEnumerable<SourceFile> files)
    {
        using var file = files.GetEnumerator();
        while (true)
        {
            SourceFile? damage = null;
            try
            {
                if (!file.MoveNext())
                    yield break;
            }
            catch (BadDataException e)
            {
                damage = new SourceFile(new(-1, "", 0), default, new Skip(SkipReason.Damaged, "", e.Message));
            }

            yield return damage ?? file.Current;
            if (damage is not null)
                yield break;
        }
    }

    private static (LabelledImage? Image, ImageFacts Facts, Skip? Fault) Inspect(IImageCodec codec, Dictionary<int, LabelledImage> images, SourceFile file)
    {
        if (!images.TryGetValue(file.Entry.Index, out var image))
            return (null, default, file.Skip);
        if (file.Skip is not null)
            return (image, default, file.Skip with { Name = image.Name });
        if (RecordMaker.Unsupported(codec, image, file.Bytes.Span) is { } unsupported)
            return (image, default, unsupported);
        try
        {
            return (image, ImageFacts.Of(codec, file.Bytes.Span, image.Name), null);
        }
        catch (BadDataException e)
        {
            return (image, default, new Skip(SkipReason.Damaged, image.Name, e.Message[(image.Name.Length + 2)..]));
        }
    }
}
