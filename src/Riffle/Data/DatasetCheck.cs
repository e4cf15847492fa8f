using System.Diagnostics;
using Riffle.Formats;

namespace Riffle.Data;

/// <summary>Checks a data set before training: all checksums, images and labels, duplicates, and the sizes of classes.</summary>
/// <remarks>It continues after a fault if possible. It uses several threads; the findings depend neither on their number nor on their speed.</remarks>
public static class DatasetCheck
{
    /// <summary>Checks a data set folder, or a source for <see cref="Preparation"/>.</summary>
    /// <param name="path">A data set folder, or a folder, .zip, .tar or .tar.gz of images, or TFRecords that another program wrote.</param>
    /// <param name="codec">Decodes the images, for example <c>ImageCodec.Default</c>.</param>
    /// <param name="threads">Threads that decode, from 1.</param>
    /// <param name="records">How to read TFRecords from other programs; null: automatic.</param>
    /// <param name="nameEncoding">The code page of names in a zip or tar file that does not declare it, for example <c>shift_jis</c>; null: automatic.</param>
    /// <param name="progress">Receives the progress, from one thread at a time; may be null.</param>
    /// <param name="cancel">Stops it.</param>
    /// <exception cref="ArgumentException">Fewer than one thread, or no such code page.</exception>
    /// <exception cref="RiffleException">The path does not exist or can't be read, or a newer version wrote it.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static CheckReport Run(
        string path,
        IImageCodec codec,
        int threads,
        TFRecordOptions? records = null,
        string? nameEncoding = null,
        IProgress<WorkProgress>? progress = null,
        CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        var clock = Stopwatch.StartNew();
        var findings = new CheckFindings();
        var tally = new CheckTally(findings);
        var report = IsPrepared(path)
            ? new PreparedCheck(path, codec, findings, tally).Run(threads, progress, cancel)
            : SourceCheck.Run(path, codec, records ?? TFRecordOptions.Detect, nameEncoding, findings, tally, threads, progress, cancel);
        cancel.ThrowIfCancellationRequested();
        var alike = tally.CheckNearDuplicates();
        return report with
        {
            NearDuplicates = alike,
            Train = tally.Count(Split.Train),
            Validation = tally.Count(Split.Validation),
            Test = tally.Count(Split.Test),
            Counts = [.. report.ClassNames.Select((name, label) => new ClassCounts(
                name, tally.Count(Split.Train, label), tally.Count(Split.Validation, label), tally.Count(Split.Test, label)))],
            Bytes = tally.Bytes,
            Findings = findings.ToArray(),
            Elapsed = clock.Elapsed,
        };
    }

    /// <summary>Whether a path is a data set folder, or what is left of one.</summary>
    internal static bool IsPrepared(string path)
    {
        try
        {
            return Directory.Exists(path) && (File.Exists(Path.Combine(path, DatasetFiles.Info)) || Directory.EnumerateFiles(path).Any(IsOurShard));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotRead(path, e);
        }
    }

    /// <summary>Others name their shards in the same way. Where <c>dataset.json</c> is gone the first record tells whose they are; one that is damaged is taken
    /// for ours.</summary>
    private static bool IsOurShard(string file)
    {
        if (!DatasetFiles.Belongs(Path.GetFileName(file)))
            return false;
        try
        {
            using var reader = new TFRecordReader(file);
            return !reader.TryRead(out var record) || ImageExample.HasKeysOf(ForeignExample.Keys(record.Span));
        }
        catch (BadDataException)
        {
            return !TFRecordFile.IsCompressed(file);
        }
    }
}
