using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Riffle.Data.Sources;

namespace Riffle.Data;

/// <summary>What a check keeps of an image: its upright size, its length, and hashes of its bytes, of its pixels and of what it looks like.</summary>
internal readonly record struct ImageFacts(int Width, int Height, int Length, UInt128 Bytes, UInt128 Pixels, PictureHash? Picture)
{
    /// <summary>Decodes an image.</summary>
    /// <exception cref="BadDataException">It can't be decoded.</exception>
    public static ImageFacts Of(IImageCodec codec, ReadOnlySpan<byte> encoded, string name)
    {
        var image = codec.Decode(encoded, name);
        return new(image.FullWidth, image.FullHeight, encoded.Length, Hash(encoded), Hash(image.Pixels) ^ (UInt128)(uint)image.Width, PictureHash.Of(image));
    }

    /// <summary>The facts of an image that is decoded already, which is told from others by its bytes alone.</summary>
    public static ImageFacts OfBytes(int width, int height, ReadOnlySpan<byte> encoded)
    {
        var hash = Hash(encoded);
        return new(width, height, encoded.Length, hash, hash, Picture: null);
    }

    /// <summary>Half of SHA-256, by which equal images are known.</summary>
    public static UInt128 Hash(ReadOnlySpan<byte> data)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(data, hash);
        return MemoryMarshal.Read<UInt128>(hash);
    }
}

/// <summary>Counts whole images, and finds what only shows in all of them together: images that come twice, classes that are empty or unequal.</summary>
internal sealed class CheckTally(CheckFindings findings)
{
    /// <summary>Sides below this, and more than this many times longer than the other, are odd.</summary>
    private const int LeastSide = 8, MostAspect = 5;

    /// <summary>The largest class may have this many times the images of the smallest.</summary>
    private const int MostUnequal = 3;

    private readonly Dictionary<UInt128, Seen> _seen = [];
    private readonly Dictionary<(Split Split, int Label), int> _perClass = [];

    private readonly NearDuplicates _alike = new();

    public long Bytes { get; private set; }

    public int Count(Split split) => _perClass.Where(entry => entry.Key.Split == split).Sum(entry => entry.Value);

    public int Count(Split split, int label) => _perClass.GetValueOrDefault((split, label));

    public void Add(Split split, int label, CheckPlace place, ImageFacts image)
    {
        Bytes += image.Length;
        _perClass[(split, label)] = Count(split, label) + 1;
        var (least, most) = (Math.Min(image.Width, image.Height), Math.Max(image.Width, image.Height));
        if (least < LeastSide || most > MostAspect * least)
            findings.Warn(CheckKind.OddSize, place, $"{image.Width}×{image.Height} pixels");

        // Equal bytes are equal pixels, so pixels find both.
        if (_seen.TryAdd(image.Pixels, new(split, label, image.Bytes, place)))
        {
            if (image.Picture is { } picture)
                _alike.Add(picture, new(split, label, place.File, place.Record, place.Name));
            return;
        }

        var first = _seen[image.Pixels];
        var what = $"the same {(first.Bytes == image.Bytes ? "bytes" : "pixels")} as {first.Place.Short}"
            + (first.Label == label ? "" : $", which has another class (label {first.Label}, not {label})");
        if (first.Split != split)
            findings.Warn(CheckKind.SeveralSplits, place, $"a {split.Adjective()} image with {what}, a {first.Split.Adjective()} image");
        else
            findings.Warn(first.Label != label ? CheckKind.TwoClasses : CheckKind.Twice, place, what);
    }

    /// <summary>Looks for images that look alike, once all are counted; equal ones are found already.</summary>
    public ImmutableArray<NearDuplicateGroup> CheckNearDuplicates()
    {
        var groups = _alike.ToArray();
        foreach (var group in groups)
        {
            var kind = group.IsAcrossSplits ? CheckKind.AlikeInBothSplits : group.IsAcrossClasses ? CheckKind.AlikeInTwoClasses : CheckKind.Alike;
            var (first, others) = (group.Members[0], group.Members.Skip(1).ToArray());
            var more = others.Length > 1 ? $" and {others.Length - 1:N0} more" : "";
            var classes = group.IsAcrossClasses ? $"; their labels are {string.Join(" and ", group.Members.Select(image => image.Label).Distinct().Order())}" : "";
            findings.Warn(kind, first.File.Length > 0 ? first.File : first.Name, $"{Text(first)}: looks like {Text(others[0])}{more}{classes}");
        }

        return groups;

        static string Text(CheckedImage image) => image.File.Length == 0 ? image.Name : $"{Path.GetFileName(image.File)}: record {image.Record} ({image.Name})";
    }

    /// <summary>Looks at the classes, once all images are counted.</summary>
    /// <param name="path">The path that the findings name.</param>
    /// <param name="classes">The classes.</param>
    /// <param name="hasValidation">Whether there must be validation images.</param>
    public void CheckClasses(string path, ImmutableArray<DatasetClass> classes, bool hasValidation)
    {
        foreach (var split in Splits.All.Where(split => split == Split.Train || Count(split) > 0))
            CheckClasses(path, classes, split);
        if (hasValidation && Count(Split.Validation) == 0)
            findings.Warn(CheckKind.NoValidation, path, $"{path}: there are no validation images, so training can't measure accuracy");
    }

    private void CheckClasses(string path, ImmutableArray<DatasetClass> classes, Split split)
    {
        var named = split.Adjective();
        var counts = Enumerable.Range(0, classes.Length).Select(label => (Images: Count(split, label), classes[label].Name)).ToArray();
        foreach (var (_, name) in counts.Where(count => count.Images == 0))
            findings.Warn(CheckKind.EmptyClass, path, $"{path}: class {name} has no {named} images");
        var most = counts.MaxBy(count => count.Images);
        var few = counts.Where(count => count.Images > 0 && most.Images > MostUnequal * count.Images).OrderBy(count => count.Images).ToArray();
        if (split == Split.Train && few.Length > 0)
        {
            findings.Warn(CheckKind.Unequal, path, $"{path}: {most.Name} has {most.Images:N0} {named} images, but "
                + $"{NameList.Of(few.Select(count => string.Create(CultureInfo.InvariantCulture, $"{count.Name} {count.Images:N0}")))}; "
                + "a network will favour the larger classes");
        }
    }

    private readonly record struct Seen(Split Split, int Label, UInt128 Bytes, CheckPlace Place);
}
