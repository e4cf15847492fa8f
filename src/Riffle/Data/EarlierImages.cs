using System.Collections.Immutable;
using Riffle.Data.Sources;
using Riffle.Formats;

namespace Riffle.Data;

/// <summary>
/// The images of a prepared data set that others are added to. Each keeps its split, so that what was measured with it stays comparable and nothing that was held
/// out is trained on.
/// </summary>
internal sealed class EarlierImages
{
    private readonly Dataset _data;
    private readonly HashSet<UInt128> _known = [];
    private readonly Dictionary<string, Split> _splitOfGroup = [];

    /// <summary>With the labels that they have there.</summary>
    private readonly List<LabelledImage> _images;

    private EarlierImages(Dataset data, PreparationOptions options, int firstIndex, CancellationToken cancel)
    {
        _data = data;
        Func<string, string?> groupOf = (options.GroupBy ?? data.Info.GroupBy) is { } pattern ? new ImageGroups(pattern).Of : _ => null;
        var images = new List<LabelledImage>();
        foreach (var (split, example) in Examples())
        {
            cancel.ThrowIfCancellationRequested();
            images.Add(new(new(firstIndex + images.Count, example.FileName, example.Encoded.Length), example.FileName, split, example.Label));
            _known.Add(ImageFacts.Hash(example.Encoded.Span));
            if (groupOf(example.FileName) is { } group)
                _splitOfGroup.TryAdd(group, split);
        }

        _images = images;
    }

    /// <summary>What names it in another data set's description.</summary>
    public DatasetOrigin Origin => new(_data.Info.Source, _data.Info.Fingerprint);

    /// <summary>Reads a data set.</summary>
    /// <param name="folder">Its folder.</param>
    /// <param name="options">How the others are prepared.</param>
    /// <param name="codec">The decoder that it will be opened with.</param>
    /// <param name="firstIndex">The number that its first entry gets.</param>
    /// <param name="cancel">Stops it.</param>
    /// <exception cref="RiffleException">It can't be read, or it is baked.</exception>
    /// <exception cref="BadDataException">It is damaged.</exception>
    public static EarlierImages Open(string folder, PreparationOptions options, IImageCodec codec, int firstIndex, CancellationToken cancel)
    {
        var data = Dataset.Open(folder, codec);
        if (data.Info.Baking is not null)
            throw new RiffleException($"{folder}: the data set is baked, so its images can't be prepared again; add to a data set of the original images");
        return new(data, options, firstIndex, cancel);
    }

    /// <summary>How the others are set aside, where the options say nothing: as these were.</summary>
    public PreparationOptions Complete(PreparationOptions options, SourceLayout layout) => options with
    {
        GroupBy = options.GroupBy ?? _data.Info.GroupBy,
        ValidationFraction = options.ValidationFraction ?? (layout.HasValidation ? null : _data.Info.ValidationFraction),
        TestFraction = options.TestFraction ?? (layout.Test is null ? _data.Info.TestFraction : null),
    };

    /// <summary>Whether the data set has an image of these bytes.</summary>
    public bool Has(ReadOnlySpan<byte> encoded) => _known.Contains(ImageFacts.Hash(encoded));

    /// <summary>Whether an entry is one of these images.</summary>
    public bool Contains(SourceEntry entry) => entry.Index >= _images[0].Entry.Index;

    /// <summary>The classes of both, in the order of their names.</summary>
    public ImmutableArray<DatasetClass> ClassesWith(ImmutableArray<DatasetClass> others) =>
        [.. _data.Info.Classes.UnionBy(others, c => c.Name).OrderBy(c => c.Name, StringComparer.Ordinal)];

    /// <summary>The images of both, with their labels among <see cref="ClassesWith"/> and their splits. What belongs together with one of these images goes where it is.
    /// </summary>
    public LabelledImage[] With(SourceLayout layout, IReadOnlyList<LabelledImage> others, PreparationOptions options)
    {
        var labels = ClassesWith(layout.Classes).Index().ToDictionary(c => c.Item.Name, c => c.Index, StringComparer.Ordinal);
        Func<string, string?> groupOf = options.GroupBy is { } pattern ? new ImageGroups(pattern).Of : _ => null;
        var (free, bound) = (new List<LabelledImage>(), new List<LabelledImage>());
        foreach (var image in others.Select(image => image with { Label = labels[layout.Classes[image.Label].Name] }))
        {
            if (image.Split == Split.Train && groupOf(image.Name) is { } group && _splitOfGroup.TryGetValue(group, out var split))
                bound.Add(image with { Split = split });
            else
                free.Add(image);
        }

        var earlier = _images.Select(image => image with { Label = labels[_data.Info.Classes[image.Label].Name] });
        return [.. earlier, .. bound, .. SettingAside.Apply(free, layout.HasValidation, options)];
    }

    /// <summary>Reads the images again, in the same order.</summary>
    public IEnumerable<SourceFile> Read() => Examples().Zip(_images, (found, image) => new SourceFile(image.Entry, found.Example.Encoded));

    private IEnumerable<(Split Split, ImageExample Example)> Examples()
    {
        var buffer = Array.Empty<byte>();
        foreach (var split in Splits.All)
        {
            using var records = new ShardSequence(_data, split, [.. Enumerable.Range(0, _data.Shards(split).Count)]);
            for (var i = 0; i < _data.Count(split); i++)
            {
                var length = records.Read(ref buffer, out var place);
                yield return (split, place.Parse(buffer.AsSpan(0, length), _data.Info.Classes.Length));
            }
        }
    }
}
