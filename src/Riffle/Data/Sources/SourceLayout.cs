using System.Collections.Immutable;
using System.Text;
using Riffle.Formats;

namespace Riffle.Data.Sources;

/// <summary>An image of a source with its class.</summary>
/// <param name="Entry">Its file.</param>
/// <param name="Name">Its name below the folder that holds the data set.</param>
/// <param name="Split">Where it belongs.</param>
/// <param name="Label">Position of its class.</param>
internal sealed record LabelledImage(SourceEntry Entry, string Name, Split Split, int Label);

/// <summary>
/// The classes, training and validation images of a source: <c>train/CLASS/…</c> with <c>val/CLASS/…</c> under any of their common names,
/// Tiny ImageNet's <c>train/WNID/images</c> with <c>val/val_annotations.txt</c>, <c>CLASS/train/…</c> with <c>CLASS/val/…</c>, or <c>CLASS/…</c> alone;
/// all of it possibly inside other folders. <see cref="LayoutFinder"/> finds the layout.
/// </summary>
internal sealed class SourceLayout
{
    public const string Expected =
        "expected train/CLASS/… and val/CLASS/…, or CLASS/… with at least two classes, or Tiny ImageNet's train/WNID/images with val/val_annotations.txt";

    private readonly string _source;
    private readonly SourceListing _listing;
    private readonly Skips _skips;
    private readonly LeftOut _leftOut = new();
    private readonly SourceFolder _top;
    private readonly LayoutParts _parts;
    private readonly HashSet<string> _used = [];
    private readonly Dictionary<string, int> _labels = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _ignoringCase = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<LabelledImage> _images = [];
    private readonly List<string> _notes = [];
    private readonly Dictionary<Split, string> _heldOut = [];
    private int _fewestClasses;

    private SourceLayout(string source, SourceListing listing, Skips skips)
    {
        (_source, _listing, _skips) = (source, listing, skips);
        _notes.AddRange(listing.Notes);
        foreach (var skip in listing.Skipped.Where(skip => !_leftOut.AddClutter(skip.Name)))
            skips.Add(skip);
        var files = listing.Files.Where(file => !_leftOut.AddClutter(file.Name)).OrderBy(file => file.Name, StringComparer.Ordinal).ThenBy(file => file.Index);
        _top = SourceFolder.Of(Distinct(files), listing.Folders.Where(name => !EntryName.IsClutter(name) && !IsDeep(name)));
        _parts = listing.AreRecords ? LayoutFinder.OfRecords(_top) : new LayoutFinder(source).Find(_top);
        _notes.AddRange(_parts.Notes);
        foreach (var (reason, folder) in _parts.LeftOut)
            LeaveOut(reason, [folder]);
    }

    /// <summary>The classes, in the order of their labels.</summary>
    public ImmutableArray<DatasetClass> Classes { get; private set; }

    /// <summary>The images of all splits, ordered by class and name within each.</summary>
    public IReadOnlyList<LabelledImage> Images => _images;

    /// <summary>Where the source's own validation images lie; null where it has none.</summary>
    public string? Validation => HeldOut(Split.Validation);

    /// <summary>Where the source's own test images lie; null where it has none, or they are used for validation.</summary>
    public string? Test => HeldOut(Split.Test);

    /// <summary>Whether the source says itself which images are for validation.</summary>
    public bool HasValidation => Validation is not null;

    /// <summary>How the source is laid out, in words.</summary>
    public string Shown => string.Join(", ", Splits.All.Where(split => split == Split.Train || _heldOut.ContainsKey(split))
        .Select(split => $"{HeldOut(split) ?? _parts.Training.Shown} for {split.Purpose()}"));

    /// <summary>What is no part of the data set, which nobody need mend.</summary>
    public ImmutableArray<DatasetSkipped> LeftOut => _leftOut.ToArray();

    /// <summary>What may be meant otherwise than it was understood.</summary>
    public ImmutableArray<string> Notes => [.. _notes];

    /// <summary>Finds out how a source is laid out.</summary>
    /// <param name="source">The source, named in errors.</param>
    /// <param name="listing">What it holds.</param>
    /// <param name="skips">Told what of the data set can't be taken.</param>
    /// <param name="setAside">Whether validation images are to be set aside, so that test images are not used for validation.</param>
    /// <param name="ignoreValidation">Whether the source's own validation and test images are left out.</param>
    /// <param name="oneClass">Whether one class is enough, because there are others elsewhere.</param>
    /// <exception cref="BadDataException">It is laid out in no way that is known, or something is wrong and <paramref name="skips"/> are strict.</exception>
    public static SourceLayout Find(
        string source, SourceListing listing, Skips skips, bool setAside = false, bool ignoreValidation = false, bool oneClass = false)
    {
        var layout = new SourceLayout(source, listing, skips) { _fewestClasses = oneClass ? 1 : 2 };
        layout.AddTraining();
        layout.AddHeldOut(setAside, ignoreValidation);
        layout.SkipStrays();
        return layout;
    }

    /// <summary>Where the source's own images of a split lie; null where it has none, and for training.</summary>
    public string? HeldOut(Split split) => _heldOut.GetValueOrDefault(split);

    private List<SourceEntry> Distinct(IEnumerable<SourceEntry> ordered)
    {
        var files = new List<SourceEntry>();
        foreach (var file in ordered)
        {
            if (IsDeep(file.Name))
                _skips.Add(new Skip(SkipReason.TooDeep, file.Name[..EntryName.MaxFolders] + "…"));
            else if (files.Count > 0 && files[^1].Name == file.Name)
                _skips.Add(new Skip(SkipReason.Duplicate, file.Name));
            else
                files.Add(file);
        }

        return files;
    }

    private static bool IsDeep(string name) => name.AsSpan().Count('/') > EntryName.MaxFolders;

    private void AddTraining()
    {
        var listed = Lines(SourceContainer.Wnids).Select(line => line.Trim()).Where(line => line.Length > 0).ToHashSet(StringComparer.Ordinal);
        var byClass = ByClass(listed);
        var words = ClassTexts(byClass);
        Classes = [.. byClass.Keys.Select(name => new DatasetClass(name, words.GetValueOrDefault(name, name)))];
        foreach (var (name, files) in byClass)
        {
            var label = _labels.Count;
            _labels.Add(name, label);
            _ignoringCase.TryAdd(name, name);
            _images.AddRange(files.Select(file => Image(file, Split.Train, label)));
        }

        foreach (var same in _labels.Keys.GroupBy(name => name, StringComparer.OrdinalIgnoreCase).Where(group => group.Skip(1).Any()))
            _notes.Add($"{NameList.Of(same)} differ only in capital letters and are treated as different classes");
    }

    /// <summary>The files of each class folder in which there is anything like an image.</summary>
    private SortedDictionary<string, List<SourceEntry>> ByClass(HashSet<string> listed)
    {
        var byClass = new SortedDictionary<string, List<SourceEntry>>(StringComparer.Ordinal);
        foreach (var name in listed)
            byClass.Add(name, []);
        var paths = listed.ToDictionary(name => name, name => _parts.Training.Shown.Replace("CLASS", name, StringComparison.Ordinal), StringComparer.Ordinal);
        foreach (var (name, folder) in _parts.Training.Classes)
        {
            Use(folder);
            paths[name] = folder.Path.TrimEnd('/');
            if (!byClass.TryGetValue(name, out var files))
                byClass.Add(name, files = []);
            files.AddRange(folder.All.Where(file => EntryName.Last(file.Name) != name + "_boxes.txt"));
        }

        var unread = new UnreadImages();
        foreach (var (name, files) in byClass.ToArray())
        {
            if (files.Exists(file => EntryName.MayBeImage(file.Name)))
            {
                if (listed.Count == 0 || listed.Contains(name))
                    continue;
                _skips.Add(new Skip(SkipReason.Unlisted, Short(paths[name])));
            }
            else
            {
                var formats = unread.Add(files);
                _skips.Add(new Skip(formats is null ? SkipReason.EmptyClass : SkipReason.UnreadFormat, Short(paths[name]), formats));
            }

            byClass.Remove(name);
        }

        return byClass.Count >= _fewestClasses ? byClass : throw TooFew([.. byClass.Keys], unread);
    }

    private BadDataException TooFew(string[] classes, UnreadImages unread)
    {
        if (unread.ToString() is { Length: > 0 } formats)
        {
            var beside = classes is [var one] ? $", and readable images of only one class, {one}" : "";
            return new BadDataException(
                $"{_source}: contains {formats}{beside}. Riffle reads {ImageFormats.Names}; convert the images, for example with ImageMagick's 'mogrify -format jpg'");
        }

        var root = _parts.Root.Path;
        var found = classes is [var only] ? $"contains images of only one class, {only}"
            : _parts.Root.Images > 0 ? $"contains no class folders: {_parts.Root.Images:N0} images are directly in {(root.Length == 0 ? "it" : root)}"
            : "contains no class folders and no images";
        return new BadDataException($"{_source}: {found}; {Expected}");
    }

    /// <summary>Takes the validation and test images that have classes. Test images are for validation where there are no others for that.</summary>
    private void AddHeldOut(bool setAside, bool ignoreValidation)
    {
        if (_parts.Validation is { Images: > 0 } validation)
        {
            if (ignoreValidation)
                LeaveOut(LeftOutReason.Validation, validation.Folders);
            else
                AddHeldOut(validation, Split.Validation, LeftOutReason.Unlabelled);
        }

        if (_parts.Test is not { Images: > 0 } test)
            return;
        if (ignoreValidation || test.Shown.Length == 0)
        {
            LeaveOut(ignoreValidation ? LeftOutReason.Test : LeftOutReason.SeveralTests, test.Folders);
            return;
        }

        var split = HasValidation || setAside ? Split.Test : Split.Validation;
        AddHeldOut(test, split, LeftOutReason.UnlabelledTest);
        if (split == Split.Validation && HasValidation)
        {
            _notes.Add($"{test.Named} contains test images, which are used for validation because there are no validation images; "
                + "a share of the training images can be set aside instead");
        }
    }

    private void AddHeldOut(LayoutPart part, Split split, string unlabelled)
    {
        var before = _images.Count;
        if (part.Classes.Count == 0 && part.Folders[0].File(SourceContainer.Annotations) is { } annotations)
            AddAnnotated(part.Folders[0], annotations, split);
        else if (part.Classes.Any(found => found.Folder.Images > 0))
            AddClassFolders(part, split);
        else
            LeaveOut(unlabelled, part.Folders);
        if (_images.Count > before)
            _heldOut[split] = part.Shown;
        else if (part == _parts.Validation || part.Classes.Count > 0)
            _notes.Add($"no image in {part.Named} has a class that the training images have");
    }

    private void AddClassFolders(LayoutPart part, Split split)
    {
        foreach (var (name, folder) in part.Classes)
        {
            Use(folder);
            if (!folder.All.Any())
                _skips.Add(new Skip(SkipReason.EmptyClass, Short(folder.Path.TrimEnd('/'))));
            else if (_labels.TryGetValue(name, out var label))
                _images.AddRange(folder.All.Select(file => Image(file, split, label)));
            else
                SkipUnknown(folder, name);
        }
    }

    private void SkipUnknown(SourceFolder folder, string name)
    {
        foreach (var file in folder.All.Where(file => EntryName.IsImage(file.Name)))
            _skips.Add(new Skip(SkipReason.NoTrainingClass, Short(file.Name), Meant(name)));
    }

    /// <summary>Case-insensitive file systems hide this mistake until the data is moved to another one.</summary>
    private string? Meant(string name) => _ignoringCase.TryGetValue(name, out var known) ? $"did you mean {known}?" : null;

    private void AddAnnotated(SourceFolder folder, SourceEntry annotations, Split split)
    {
        Use(folder);
        var files = new Dictionary<string, SourceEntry>(StringComparer.Ordinal);
        var pending = new HashSet<string>(StringComparer.Ordinal);
        foreach (var file in folder.All.Where(file => file != annotations))
        {
            files.TryAdd(EntryName.Composed(EntryName.Last(file.Name)), file);
            pending.Add(file.Name);
        }

        var taken = new List<LabelledImage>();
        var number = 0;
        foreach (var line in LinesOf(annotations.Name))
        {
            number++;
            void SkipLine(string reason, string what) => _skips.Add(new Skip(reason, Short(annotations.Name), $"line {number}, {what}"));
            if (line.Length == 0)
                continue;
            if (line.Split('\t') is not [{ Length: > 0 } image, { Length: > 0 } name, ..])
                SkipLine(SkipReason.BadAnnotation, "no tab");
            else if (!files.TryGetValue(image, out var file))
                SkipLine(SkipReason.NoImage, image);
            else if (!pending.Remove(file.Name))
                SkipLine(SkipReason.Duplicate, image);
            else if (!_labels.TryGetValue(name, out var label))
                SkipLine(SkipReason.NoTrainingClass, $"{image} is of class {name}{(Meant(name) is { } meant ? $"; {meant}" : "")}");
            else
                taken.Add(Image(file, split, label));
        }

        _skips.AddRange(pending.Where(EntryName.MayBeImage).Order(StringComparer.Ordinal).Select(name => new Skip(SkipReason.NoAnnotation, Short(name))));
        _images.AddRange(taken.OrderBy(image => image.Name, StringComparer.Ordinal));
    }

    /// <summary>Images outside all folders that were reported so far.</summary>
    private void SkipStrays()
    {
        var images = _top.All.Where(file => EntryName.IsImage(file.Name) && EntryName.HasExtension(file.Name));
        foreach (var file in images.Where(file => !IsUsed(EntryName.Composed(file.Name))))
            _skips.Add(new Skip(SkipReason.NoClass, Short(file.Name)));
    }

    private bool IsUsed(string name)
    {
        for (var end = name.IndexOf('/'); end >= 0; end = name.IndexOf('/', end + 1))
        {
            if (_used.Contains(name[..(end + 1)]))
                return true;
        }

        return false;
    }

    private void Use(SourceFolder folder) => _used.Add(folder.Path);

    private void LeaveOut(string reason, IEnumerable<SourceFolder> folders)
    {
        foreach (var folder in folders)
        {
            Use(folder);
            _leftOut.Add(reason, folder.Images, folder.Path);
        }
    }

    /// <summary>A name below the folder that holds the data set.</summary>
    private string Short(string name) =>
        EntryName.Composed(name).StartsWith(_parts.Root.Path, StringComparison.Ordinal) ? EntryName.Below(_parts.Root.Depth, name) : name;

    private LabelledImage Image(SourceEntry file, Split split, int label) => new(file, Short(file.Name), split, label);

    private Dictionary<string, string> ClassTexts(SortedDictionary<string, List<SourceEntry>> classes)
    {
        var words = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in Lines(SourceContainer.Words))
        {
            if (line.Split('\t') is [var name, { Length: > 0 } text, ..] && classes.ContainsKey(name))
                words[name] = text.Trim();
        }

        return words;
    }

    private IEnumerable<string> Lines(string name) => LinesOf(_parts.Root.File(name)?.Name ?? name);

    /// <summary>The lines of a text, in the form in which names are compared.</summary>
    private IEnumerable<string> LinesOf(string name)
    {
        if (!_listing.Texts.TryGetValue(name, out var bytes))
            return [];
        var text = EntryName.Composed(Encoding.UTF8.GetString(bytes.Span).TrimStart('\uFEFF'));
        return text.Split('\n').Select(line => line.TrimEnd('\r'));
    }
}
