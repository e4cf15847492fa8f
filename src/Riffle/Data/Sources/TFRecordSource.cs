using System.Globalization;
using System.Text.RegularExpressions;
using Riffle.Formats;

namespace Riffle.Data.Sources;

/// <summary>
/// Files of TFRecords that another program wrote, presented as class folders: <c>train/CLASS/SHARD/RECORD</c>, <c>val/…</c> and <c>test/…</c>. The names of
/// the files decide the split. The records are read twice, once for the labels and once for the images.
/// </summary>
internal sealed partial class TFRecordSource(string path, IReadOnlyList<string> shards, TFRecordOptions options) : SourceContainer(path)
{
    public override bool AnyOrder => false;

    /// <summary>The files of TFRecords that a path means: a file, those in a folder, or those of a pattern with * or ? in its last part.</summary>
    /// <exception cref="RiffleException">They can't be read.</exception>
    public static IReadOnlyList<string> Find(string path)
    {
        try
        {
            var pattern = System.IO.Path.GetFileName(path);
            var folder = Directory.Exists(path) ? path
                : pattern.AsSpan().ContainsAny('*', '?') && !File.Exists(path) ? System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))
                : null;
            if (folder is null)
                return IsTFRecord(path) ? [path] : [];
            if (!Directory.Exists(folder))
                return [];
            var files = Directory.EnumerateFiles(folder, folder == path ? "*" : pattern).Where(file => MayBeShard(System.IO.Path.GetFileName(file)))
                .Select(file => (Path: file, IsTFRecord: IsTFRecord(file))).ToArray();

            // A shard with a damaged beginning is one of them, and must not be skipped silently.
            return files.Any(file => file.IsTFRecord)
                ? [.. files.Where(file => file.IsTFRecord || IsNamedAsShard(file.Path)).Select(file => file.Path).Order(StringComparer.Ordinal)]
                : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotRead(path, e);
        }
    }

    public override SourceListing List(Action<int> found, CancellationToken cancel)
    {
        var listing = new SourceListing { AreRecords = true };
        var folders = shards.Select(shard => System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(shard))!).Distinct();
        var labels = new RecordLabels(folders, options.LabelOffset);
        var records = new List<(int Index, string Place, string? FileName, int Length, int Class)>();
        foreach (var (index, place, record, fault) in Records())
        {
            cancel.ThrowIfCancellationRequested();
            if (record is not { } bytes)
            {
                listing.Skipped.Add(new Skip(SkipReason.DamagedRecord, place, fault));
                continue;
            }

            try
            {
                var example = ForeignExample.Parse(bytes.Span, options.ImageKey, options.LabelKey);
                records.Add((index, place, example.FileName, example.Encoded.Length, labels.Add(example)));
                found(records.Count);
            }
            catch (BadDataException e)
            {
                listing.Skipped.Add(new Skip(SkipReason.NoLabelledImage, place, e.Message));
            }
        }

        if (records.Count == 0)
        {
            var first = listing.Skipped.FirstOrDefault()?.ToString() ?? "the files contain no records";
            throw new BadDataException($"{Path}: no record is a labelled image. The first problem: {first}");
        }

        labels.Complete(listing);
        foreach (var (index, place, fileName, length, label) in records)
        {
            if (labels.NameOf(label) is not { } name)
                listing.Skipped.Add(new Skip(SkipReason.NoLabelledImage, place, labels.WhyNot(label)));
            else
                listing.Files.Add(new SourceEntry(index, $"{SplitOf(place[..place.LastIndexOf('/')])}/{name}/{place}{Suffix(fileName)}", length));
        }

        return listing;
    }

    public override IEnumerable<SourceFile> Read(IReadOnlyList<SourceEntry> wanted)
    {
        var byIndex = wanted.ToDictionary(entry => entry.Index);
        foreach (var (index, _, record, _) in Records())
        {
            if (record is { } bytes && byIndex.Remove(index, out var entry))
                yield return Image(entry, ForeignExample.Parse(bytes.Span, options.ImageKey, options.LabelKey));
        }

        if (byIndex.Count > 0)
            throw new BadDataException($"{Path}: the files changed while they were read, at {byIndex.Values.First().Name}; start again when they are complete");
    }

    private static SourceFile Image(SourceEntry entry, ForeignExample example) => example.Encoded.Length > MaxImageBytes
        ? new(entry, default, new Skip(SkipReason.TooLarge, entry.Name))
        : new(entry, example.Encoded);

    /// <summary>All records, and each damage at its position. In an uncompressed file, reading continues after it.</summary>
    private IEnumerable<(int Index, string Place, ReadOnlyMemory<byte>? Record, string? Fault)> Records()
    {
        var index = 0;
        foreach (var shard in shards)
        {
            using var reader = TFRecordFile.Open(shard);
            while (true)
            {
                ReadOnlyMemory<byte> record = default;
                BadDataException? damage = null;
                try
                {
                    if (!reader.TryRead(out record))
                        break;
                }
                catch (BadDataException e)
                {
                    damage = e;
                }

                var place = $"{System.IO.Path.GetFileName(shard)}/{reader.Index.ToString("D6", CultureInfo.InvariantCulture)}";
                yield return (index++, place, damage is null ? record : default(ReadOnlyMemory<byte>?), damage?.Message);
                if (damage is not null && !reader.TryResume())
                    break;
            }
        }
    }

    /// <summary>Devices and pipes, which could be read for ever, have no length; what can't be read is told by who would need it.</summary>
    private static bool IsTFRecord(string file)
    {
        try
        {
            return new FileInfo(file) is { Exists: true, Length: > 0 } && TFRecordFile.IsTFRecord(file);
        }
        catch (RiffleException)
        {
            return false;
        }
    }

    /// <summary>Images are never records, and need not be opened.</summary>
    private static bool MayBeShard(string name) => !EntryName.IsClutter(name) && !(name.Contains('.') && EntryName.MayBeImage(name));

    private static bool IsNamedAsShard(string file) =>
        file.Contains(".tfrecord", StringComparison.OrdinalIgnoreCase) || ShardNumber().IsMatch(System.IO.Path.GetFileName(file));

    [GeneratedRegex(@"-\d+-of-\d+")]
    private static partial Regex ShardNumber();

    private static string SplitOf(string shard) => SplitNames.OfFile(System.IO.Path.GetFileName(shard)) switch
    {
        SplitKind.Validation => "val",
        SplitKind.Test => "test",
        _ => "train",
    };

    /// <summary>The record's number, followed by the name of the image file if it looks like one.</summary>
    private static string Suffix(string? fileName)
    {
        var last = fileName is null ? "" : EntryName.Last(fileName.Replace('\\', '/'));
        return last.Contains('.') && EntryName.MayBeImage(last) && !last.Contains('\0') ? "-" + last : "";
    }
}
