using System.Collections.Immutable;
using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Formats;
using Riffle.Reports.Documents;

namespace Riffle.Reports;

/// <summary>What a check of a data set found, as a page of thumbnails: images that look alike, and labels that are probably wrong.</summary>
internal static class FaultPage
{
    /// <summary>Labels and groups that a page shows; more make it too large for a phone.</summary>
    private const int MostLabels = 200, MostGroups = 100, MostOfGroup = 6;

    /// <summary>Writes the page.</summary>
    /// <param name="output">The file.</param>
    /// <param name="report">The check, of a data set folder.</param>
    /// <param name="data">The data set.</param>
    /// <param name="suspects">Labels that are probably wrong; null: not looked for.</param>
    /// <exception cref="RiffleException">A shard can't be read, or the page not be written.</exception>
    public static void Write(string output, CheckReport report, Dataset data, ImmutableArray<SuspectLabel>? suspects)
    {
        var names = data.Info.Classes.Select(Text.NameOf).ToArray();
        Section?[] sections = [suspects is { } labels ? Labels(labels, data, names) : null, .. Alike(report, data, names)];
        var shown = sections.OfType<Section>().ToImmutableArray();
        AtomicFile.WriteText(output, HtmlWriter.Write(new(
            $"What to look at in {data.Info.Source}",
            [
                new Paragraph(
                    $"{report.Train:N0} training and {report.Validation:N0} validation images in {names.Length} classes. {report.Faults:N0} faults and {report.Warnings:N0} warnings; "
                    + "'riffle check' without a page lists them all."),
                .. shown.IsEmpty ? [new Paragraph("No images look alike.")] : Array.Empty<DocumentBlock>(),
            ],
            shown)));
    }

    private static Section Labels(ImmutableArray<SuspectLabel> suspects, Dataset data, string[] names)
    {
        var shown = suspects.Take(MostLabels).ToArray();
        var records = shown.GroupBy(suspect => suspect.Split)
            .ToDictionary(split => split.Key, split => ChosenRecords.Read(data, split.Key, split.Select(suspect => suspect.Number).Where(number => number >= 0)));
        return new("labels", "Labels that are probably wrong",
        [
            new Paragraph(
                suspects.IsEmpty
                    ? "None. Each image was judged by a classifier that had not seen its label."
                    : $"{suspects.Count(suspect => suspect.IsConfident):N0} of {data.Count(Split.Train) + data.Count(Split.Validation):N0} labels are probably wrong; "
                        + $"{suspects.Count(suspect => !suspect.IsConfident):N0} more are in doubt, and marked so. The most probably wrong come first"
                        + (suspects.Length > shown.Length ? $"; the first {shown.Length} are shown. " : ". ")
                        + "Each image was judged by a classifier that had not seen its label. A hard image may be among them: look before you change or remove one."),
            new Gallery(
                "Labels that are probably wrong",
                [
                    .. shown.Select(suspect => (Suspect: suspect, Record: records[suspect.Split].GetValueOrDefault(suspect.Number))).Where(pair => pair.Record is not null)
                        .Select(pair => new Tile(
                            [Picture(data, pair.Record!)],
                            $"{names[pair.Suspect.Label]}? {(pair.Suspect.IsConfident ? "Rather" : "Perhaps")} {names[pair.Suspect.Suggested]}",
                            [
                                $"{names[pair.Suspect.Suggested]} {Text.Probability(pair.Suspect.OfSuggested)}, {names[pair.Suspect.Label]} {Text.Probability(pair.Suspect.OfLabel)}",
                                $"{pair.Record!.FileName} ({Named(pair.Suspect.Split)})",
                            ])),
                ]),
        ]);
    }

    private static IEnumerable<Section?> Alike(CheckReport report, Dataset data, string[] names)
    {
        var rest = report.NearDuplicates;
        yield return Section("both", "Alike in training and validation", "If they are copies or of one series, accuracy is measured on images that were learnt from: remove one of each.", rest.Where(group => group.IsAcrossSplits));
        yield return Section("classes", "Alike in several classes", "At most one of the labels is right, unless the classes overlap.", rest.Where(group => !group.IsAcrossSplits && group.IsAcrossClasses));
        yield return Section("alike", "Alike in one class", "Copies count twice in training, and would come into both splits if validation images were set aside at random.", rest.Where(group => !group.IsAcrossSplits && !group.IsAcrossClasses));

        Section? Section(string id, string title, string text, IEnumerable<NearDuplicateGroup> all)
        {
            var groups = all.ToArray();
            if (groups.Length == 0)
                return null;
            var shown = groups.Take(MostGroups).ToArray();
            var images = shown.SelectMany(group => group.Members.Take(MostOfGroup)).GroupBy(image => image.File)
                .SelectMany(shard => ChosenRecords.Read(shard.Key, shard.Select(image => image.Record)), (shard, read) => (Key: (shard.Key, read.Record), read.Example))
                .DistinctBy(read => read.Key).ToDictionary(read => read.Key, read => read.Example);
            return new(id, title,
            [
                new Paragraph($"{groups.Length:N0} group{(groups.Length == 1 ? "" : "s")}{(groups.Length > shown.Length ? $", of which the first {shown.Length} are shown" : "")}. {text}"),
                new Gallery(title, [.. shown.Select(group => Tile(group, image => Picture(data, images[(image.File, image.Record)]), names))]),
            ]);
        }
    }

    private static Tile Tile(NearDuplicateGroup group, Func<CheckedImage, byte[]> picture, string[] names)
    {
        string NameOf(int label) => label < names.Length ? names[label] : $"{label}";
        var shown = group.Members.Take(MostOfGroup).ToArray();
        return new(
            [.. shown.Select(picture)], string.Join(" and ", group.Members.Select(image => NameOf(image.Label)).Distinct()),
            [.. shown.Select(image => $"{image.Name} ({Named(image.Split)})"), .. group.Members.Length > shown.Length ? [$"and {group.Members.Length - shown.Length:N0} more"] : Array.Empty<string>()]);
    }

    private static string Named(Split split) => split.Adjective();

    private static byte[] Picture(Dataset data, ImageExample example) => Thumbnail.Of(data.Codec, data.Codec.Decode(example.Encoded.Span, example.FileName));
}
