using System.Collections.Immutable;
using System.Security.Cryptography;
using Riffle.Formats;

namespace Riffle.Data;

/// <summary>Checks a data set folder: <c>dataset.json</c> against the shards, every record, every image and label.</summary>
internal sealed class PreparedCheck(string directory, IImageCodec codec, CheckFindings findings, CheckTally tally)
{
    private readonly string _infoPath = Path.Combine(directory, DatasetFiles.Info);
    private readonly Dictionary<Split, int> _records = Splits.All.ToDictionary(split => split, _ => 0);
    private readonly HashSet<Split> _incomplete = [];

    /// <returns>The source and the classes in <c>dataset.json</c>; empty if it is missing or damaged.</returns>
    public CheckReport Run(int threads, IProgress<WorkProgress>? progress, CancellationToken cancel)
    {
        var info = LoadInfo();
        var shards = Shards(info);
        CheckNames(info, shards);
        long total = info is null ? 0 : Splits.All.Sum(split => (long)info.Of(split).Images), done = 0;
        foreach (var result in PreparationPipeline.Run(
            shards.SelectMany(Items), item => item.Record?.Length ?? 0, item => Inspect(item, info?.Classes ?? []), threads, cancel))
        {
            Take(result);
            if (result.Item.Record is not null)
                progress?.Report(new(WorkStage.Checking, ++done, total));
        }

        if (info is null)
            return new() { Path = directory, IsPrepared = true };
        CheckCounts(info);
        tally.CheckClasses(directory, info.Classes, hasValidation: true);
        return new()
        {
            Path = directory,
            IsPrepared = true,
            Layout = info.Layout,
            Notes = info.Notes,
            LeftOut = info.LeftOut,
            ClassNames = [.. info.Classes.Select(c => c.Name)],
        };
    }

    /// <summary>Null where it is missing or damaged; the shards can be read without it.</summary>
    private DatasetInfo? LoadInfo()
    {
        try
        {
            if (File.Exists(_infoPath))
                return DatasetInfo.Load(directory);
            findings.Fault(CheckKind.Description, _infoPath, $"{_infoPath}: missing; copy the whole folder again, or run riffle prepare again");
        }
        catch (BadDataException e)
        {
            findings.Fault(CheckKind.Description, _infoPath, e.Message);
        }

        return null;
    }

    private List<Shard> Shards(DatasetInfo? info)
    {
        if (info is null)
        {
            var names = Directory.EnumerateFiles(directory).Select(path => Path.GetFileName(path)).Where(name => DatasetFiles.SplitOf(name) is not null);
            return [.. names.Order(StringComparer.Ordinal).Select(name => new Shard(DatasetFiles.SplitOf(name)!.Value, Path.Combine(directory, name), null))];
        }

        var listed = info.Shards.ToDictionary(shard => shard.Name);
        return
        [
            .. Splits.All.SelectMany(
                split => DatasetFiles.Shards(directory, split, info.Of(split).Shards),
                (split, path) => new Shard(split, path, listed.GetValueOrDefault(Path.GetFileName(path)))),
        ];
    }

    private void CheckNames(DatasetInfo? info, List<Shard> shards)
    {
        if (info is null)
            return;
        var expected = shards.Select(shard => Path.GetFileName(shard.Path)).ToHashSet();
        if (info.Shards.Length > 0 && !expected.SetEquals(info.Shards.Select(shard => shard.Name)))
            FaultInInfo("the list of shards does not match the numbers of shards");
        else if (info.Shards.Length > 0 && ShardWriter.Fingerprint(info.Shards) != info.Fingerprint)
            FaultInInfo($"the fingerprint does not match the shards' checksums, which give {ShardWriter.Fingerprint(info.Shards)}");
        foreach (var path in Directory.EnumerateFiles(directory).Order(StringComparer.Ordinal))
        {
            var name = Path.GetFileName(path);
            if (DatasetFiles.SplitOf(name) is not null && !expected.Contains(name))
                findings.Warn(CheckKind.UnknownShard, path, $"{path}: not a shard of this data set; delete it if it is left over from another one");
        }
    }

    private void FaultInInfo(string what) => findings.Fault(CheckKind.Description, _infoPath, $"{_infoPath}: {what}; run riffle prepare again");

    /// <summary>The records of a shard, and its faults among them in their place. Runs on the thread that reads.</summary>
    private static IEnumerable<Item> Items(Shard shard)
    {
        if (!File.Exists(shard.Path))
        {
            yield return new(shard, Fault: (CheckKind.MissingShard, $"{shard.Path}: missing; copy the whole folder again, or run riffle prepare again"));
            yield break;
        }

        // The records are read again from the file system's cache.
        if (shard.Listed is not null && WrongChecksum(shard) is { } wrong)
            yield return new(shard, Fault: (CheckKind.ShardChecksum, wrong));
        var (count, damaged) = (0, false);
        using var reader = Open(shard, out var closed);
        if (closed is { } fault)
            yield return fault;
        while (reader is not null && Next(shard, reader) is { } item)
        {
            count++;
            damaged |= item.Fault is not null;
            yield return item;
            if (item.IsLast)
                break;
        }

        if (shard.Listed is { } listed && !damaged && closed is null && listed.Records != count)
            yield return new(shard, Fault: (CheckKind.Description, $"{shard.Path}: has {count:N0} records, but {DatasetFiles.Info} says {listed.Records:N0}"));
    }

    private static string? WrongChecksum(Shard shard)
    {
        try
        {
            using var file = File.OpenRead(shard.Path);
            if (file.Length != shard.Listed!.Bytes)
                return $"{shard.Path}: ends at byte {file.Length}, but {DatasetFiles.Info} says {shard.Listed.Bytes}; "
                    + "copy the file again, or run riffle prepare again";
            var found = Convert.ToHexStringLower(SHA256.HashData(file));
            return found == shard.Listed.Sha256 ? null
                : $"{shard.Path}: the SHA-256 is {found}, but {DatasetFiles.Info} says {shard.Listed.Sha256}; copy the file again, or run riffle prepare again";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return AtomicFile.CannotRead(shard.Path, e).Message;
        }
    }

    private static TFRecordReader? Open(Shard shard, out Item? fault)
    {
        try
        {
            fault = null;
            return new TFRecordReader(shard.Path);
        }
        catch (RiffleException e)
        {
            fault = new Item(shard, Fault: (CheckKind.Record, e.Message));
            return null;
        }
    }

    private static Item? Next(Shard shard, TFRecordReader reader)
    {
        try
        {
            return reader.TryRead(out var record) ? new Item(shard, Place(), record.ToArray()) : null;
        }
        catch (RiffleException e)
        {
            var item = new Item(shard, Place(), Fault: (CheckKind.Record, e.Message));
            try
            {
                reader.Resume();
                return item;
            }
            catch (RiffleException)
            {
                return item with { IsLast = true };
            }
        }

        CheckPlace Place() => new(shard.Path, reader.Index, reader.Offset, "");
    }

    /// <summary>Runs on several threads.</summary>
    private Result Inspect(Item item, ImmutableArray<DatasetClass> classes)
    {
        if (item.Record is null)
            return new(item);
        ImageExample example;
        try
        {
            example = ImageExample.Parse(item.Record);
        }
        catch (BadDataException e)
        {
            return new(item with { Fault = (CheckKind.Example, e.Message) });
        }

        item = item with { Place = item.Place with { Name = example.FileName } };
        try
        {
            var facts = ImageFacts.Of(codec, example.Encoded.Span, example.FileName);
            return new(item with { Fault = WrongLabel(example, facts, classes) }, example.Label, facts);
        }
        catch (BadDataException e)
        {
            return new(item with { Fault = (CheckKind.Image, e.Message[(example.FileName.Length + 2)..]) });
        }
    }

    /// <summary>What the record says of its image that is not so.</summary>
    private static (string Kind, string What)? WrongLabel(ImageExample example, ImageFacts facts, ImmutableArray<DatasetClass> classes)
    {
        var label = example.Label;
        var wrong =
            (example.Width, example.Height) != (facts.Width, facts.Height)
                ? $"the record says {example.Width}×{example.Height} pixels, but the image has {facts.Width}×{facts.Height}"
            : classes.IsEmpty ? null
            : label >= classes.Length ? $"its label is {label}, but {DatasetFiles.Info} has {classes.Length} classes, counted from 0"
            : example.Synset != classes[label].Name ? $"its label {label} means {classes[label].Name}, but its class name is {example.Synset}"
            : example.OneHot is { } oneHot && (oneHot.Length != classes.Length || Array.IndexOf(oneHot, 1f) != label || oneHot.Sum() != 1)
                ? $"its one-hot label does not match its label {label} of {classes.Length} classes"
            : null;
        return wrong is null ? null : (CheckKind.Label, wrong);
    }

    private void Take(Result result)
    {
        var item = result.Item;
        if (item.Fault is not { } fault)
        {
            _records[item.Shard.Split]++;
            tally.Add(item.Shard.Split, result.Label, item.Place, result.Facts);
            return;
        }

        // The reader's error already names the offset.
        var (kind, what) = fault;
        if (item.Record is not null)
            findings.Fault(kind, item.Place, what);
        else if (item.Place.Offset is not null)
            findings.Fault(kind, item.Place.File, item.Place.Offset, what);
        else
            findings.Fault(kind, item.Shard.Path, what);
        if (kind is CheckKind.Record or CheckKind.MissingShard)
            _incomplete.Add(item.Shard.Split);
        else if (item.Record is not null)
            _records[item.Shard.Split]++;
    }

    /// <summary>Where a record is lost already, numbers that don't fit say nothing new.</summary>
    private void CheckCounts(DatasetInfo info)
    {
        foreach (var split in Splits.All)
        {
            var (listed, _, perClass) = info.Of(split);
            var named = split.Adjective();
            if (_incomplete.Contains(split))
                continue;
            if (_records[split] != listed)
                FaultInInfo($"says {listed:N0} {named} images, but the shards have {_records[split]:N0}");
            else if (perClass.Length > 0 && tally.Count(split) == listed && !perClass.SequenceEqual(info.Classes.Select((_, label) => tally.Count(split, label))))
                FaultInInfo($"the numbers of {named} images per class do not match the shards");
        }
    }

    private readonly record struct Shard(Split Split, string Path, DatasetShard? Listed);

    private readonly record struct Item(
        Shard Shard, CheckPlace Place = default, byte[]? Record = null, (string Kind, string What)? Fault = null, bool IsLast = false);

    private readonly record struct Result(Item Item, int Label = 0, ImageFacts Facts = default);
}
