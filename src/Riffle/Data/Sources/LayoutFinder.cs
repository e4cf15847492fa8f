namespace Riffle.Data.Sources;

/// <summary>
/// Distinguishes folders for training, validation and testing from classes, by their names and content: all parts of a data set hold folders of the same names.
/// If names and content contradict each other, it fails or adds a note about its choice.
/// </summary>
internal sealed class LayoutFinder(string source)
{
    /// <summary>A data set has few parts: of more folders whose names say more than that, each is a class.</summary>
    private const int MostParts = 64;

    private readonly List<(string Reason, SourceFolder Folder)> _leftOut = [];
    private readonly List<string> _notes = [];

    /// <summary>Finds the data set in a source.</summary>
    /// <exception cref="BadDataException">The layout is ambiguous or unknown.</exception>
    public LayoutParts Find(SourceFolder top)
    {
        for (var folder = top; ;)
        {
            var filled = folder.Filled.ToArray();
            var named = Named(filled);
            if (Splits(folder, filled, named) is { } parts)
                return parts;
            if (Inner(folder, filled) is not { } inner)
                return SplitsInClasses(folder, filled) ?? Classes(folder, filled, named);
            LeaveOut(LeftOutReason.Beside, filled.Where(other => other != inner));
            folder = inner;
        }
    }

    /// <summary>The parts of records whose names are <c>train/CLASS</c>, <c>val/CLASS</c> and <c>test/CLASS</c> for certain.</summary>
    public static LayoutParts OfRecords(SourceFolder top)
    {
        LayoutPart? Part(string name, string shown) => top.Folder(name) is { } folder ? LayoutPart.Of(folder) with { Shown = shown } : null;
        var (validation, test) = (Part("val", "those named for validation"), Part("test", "those named for testing"));
        if (Part("train", "TFRecords") is { } train)
            return new(top, train, validation, test);

        // If there are only validation or test files, the user wants to train on them.
        return validation is not null ? new(top, validation with { Shown = "TFRecords" }, null, test) : new(top, test! with { Shown = "TFRecords" });
    }

    /// <summary>
    /// The folders whose names make them a part of a data set. If a name has other words, another part must hold folders of the same names.
    /// </summary>
    private static ILookup<SplitKind, SourceFolder> Named(SourceFolder[] filled)
    {
        var all = filled.Select(folder => (Folder: folder, Name: SplitNames.OfFolder(folder.Name))).Where(named => named.Name.Kind != SplitKind.None).ToArray();
        return all.Where(named => named.Name.IsPlain || (all.Length <= MostParts && all.Any(other =>
                other.Name.Kind != named.Name.Kind && (other.Name.Kind == SplitKind.Train || named.Name.Kind == SplitKind.Train)
                && HasClassesIn(ClassRoot(other.Folder), ClassRoot(named.Folder).Filled))))
            .ToLookup(named => named.Name.Kind, named => named.Folder);
    }

    private LayoutParts? Splits(SourceFolder folder, SourceFolder[] filled, ILookup<SplitKind, SourceFolder> named)
    {
        SourceFolder[] held = [.. named[SplitKind.Validation], .. named[SplitKind.Test]];
        var others = filled.Except(named.SelectMany(group => group)).ToArray();
        if (!named[SplitKind.Train].Any())
        {
            if (others.Length == 0)
                return filled.Length < 2 ? null : throw Refuse($"contains {Names(filled)}, but no training folder");

            // Classes next to a folder for validation or testing with the same classes.
            if (!held.Any(part => HasClassesIn(ClassRoot(part), others)))
                return null;
            LeaveOut(LeftOutReason.ToPredict, named[SplitKind.Unlabelled]);
            return Make(folder, LayoutPart.Of(folder, folder.Folders.Except([.. held, .. named[SplitKind.Unlabelled]])), named);
        }

        // A class may be called train; then there are other classes next to it.
        if (others.Length > 0 && held.Length == 0 && !named[SplitKind.Unlabelled].Any())
            return null;
        var train = ClassRoot(Only(named[SplitKind.Train], "training"));
        if (!train.HasFolders)
            throw Refuse($"{train.Path} contains {train.Images:N0} images, but no class folders");
        LeaveOut(LeftOutReason.Beside, others);
        LeaveOut(LeftOutReason.ToPredict, named[SplitKind.Unlabelled]);
        return Make(folder, LayoutPart.Of(train), named);
    }

    private LayoutParts Make(SourceFolder folder, LayoutPart training, ILookup<SplitKind, SourceFolder> named)
    {
        var validation = named[SplitKind.Validation].Any() ? Part(Only(named[SplitKind.Validation], "validation")) : null;
        var tests = named[SplitKind.Test].ToArray();
        var test = tests.Length == 0 ? null
            : validation is not null && tests.Length > 1 ? new LayoutPart("", tests, [])
            : Part(Only(tests, "test"));
        return new(folder, training, validation, test) { LeftOut = _leftOut, Notes = _notes };
    }

    /// <summary>A part for validation or testing: its class folders, a list of annotations, or images without classes.</summary>
    private static LayoutPart Part(SourceFolder folder)
    {
        if (folder.File(SourceContainer.Annotations) is not null)
            return new($"{folder.Path}{SourceContainer.Annotations}", [folder], []);
        var root = ClassRoot(folder);
        return new($"{root.Path}CLASS", [folder], [.. root.Folders.Select(found => new ClassFolder(found.Name, found))]);
    }

    /// <summary>Goes down from <c>seg_train</c> to <c>seg_train/seg_train</c>, or from <c>train</c> to <c>train/images</c>, but never into a class.</summary>
    private static SourceFolder ClassRoot(SourceFolder folder)
    {
        var kind = SplitNames.OfFolder(folder.Name).Kind;
        while (folder.OwnImages == 0 && folder.Filled.ToArray() is [var only]
            && (SplitNames.IsWrapper(only.Name) || (kind != SplitKind.None && SplitNames.OfFolder(only.Name).Kind == kind)))
            folder = only;
        return folder;
    }

    /// <summary>The folder to go on in: the only one with images, if they lie in folders again, or the only one with parts of a data set.</summary>
    private SourceFolder? Inner(SourceFolder folder, SourceFolder[] filled)
    {
        if (folder.File(SourceContainer.Wnids) is not null)
            return null;
        if (filled is [var only])
            return only.HasFolders ? only : null;
        var sets = filled.Where(HoldsDataset).ToArray();
        return sets.Length < 2 ? sets.FirstOrDefault()
            : throw Refuse($"{Names(sets)} are each a complete data set; give one of these folders");
    }

    private static bool HoldsDataset(SourceFolder folder)
    {
        while (folder.Filled.ToArray() is [var only] && only.HasFolders)
            folder = only;
        return IsSplit(folder) && Train(folder).Select(ClassRoot).Any(train =>
            train.Filled.Skip(1).Any() && folder.Filled.Except(Train(folder)).Any(other => HasClassesIn(ClassRoot(other), train.Filled)));
    }

    /// <summary>CLASS/train/… and CLASS/test/….</summary>
    private LayoutParts? SplitsInClasses(SourceFolder folder, SourceFolder[] filled)
    {
        var split = filled.Where(IsSplit).ToArray();
        if (split.Length == 0)
            return null;
        if (split.Length < filled.Length)
        {
            throw Refuse($"{Names(split)} {(split.Length == 1 ? "contains" : "contain")} training and validation or test folders, unlike {Names(filled.Except(split))}; "
                + "Riffle can't tell whether these are classes or parts of the data set");
        }

        var inner = filled.SelectMany(found => found.Filled, (found, part) => (Class: found.Name, Part: part, SplitNames.OfFolder(part.Name).Kind)).ToArray();
        LayoutPart? Part(SplitKind kind)
        {
            var parts = inner.Where(found => found.Kind == kind).ToArray();
            var names = parts.Select(part => part.Part.Name).Distinct(StringComparer.Ordinal).ToArray();
            return parts.Length == 0 ? null
                : new($"{folder.Path}CLASS/{(names is [var one] ? one : $"({string.Join('|', names)})")}", [.. parts.Select(part => part.Part)],
                    [.. parts.Select(part => new ClassFolder(part.Class, part.Part))]);
        }

        LeaveOut(LeftOutReason.Beside, inner.Where(found => found.Kind == SplitKind.None).Select(found => found.Part));
        LeaveOut(LeftOutReason.ToPredict, inner.Where(found => found.Kind == SplitKind.Unlabelled).Select(found => found.Part));
        return new(folder, Part(SplitKind.Train)!, Part(SplitKind.Validation), Part(SplitKind.Test)) { LeftOut = _leftOut, Notes = _notes };
    }

    private LayoutParts Classes(SourceFolder folder, SourceFolder[] filled, ILookup<SplitKind, SourceFolder> named)
    {
        foreach (var group in filled.GroupBy(found => SplitNames.Rest(found.Name)))
        {
            var kinds = group.ToLookup(found => SplitNames.OfFolder(found.Name).Kind);
            if (kinds[SplitKind.Train].Any() && (kinds[SplitKind.Validation].Any() || kinds[SplitKind.Test].Any()))
                throw Refuse($"{Names(group)} have names of data set parts, but don't contain the same class folders");
        }

        if (ScatteredParts(filled) is var (train, other))
            throw Refuse($"{train.Path} contains only a training folder and {other.Path} only a validation or test folder; move both into one folder");
        if (filled.FirstOrDefault(found => filled.Length > 2 && HoldsOthers(found, filled)) is { } copy)
        {
            throw Refuse($"{copy.Path} contains folders with the same names as its neighbours {Names(filled.Except([copy]))}; "
                + "give the folder you mean, or move the other away");
        }

        foreach (var part in named.SelectMany(group => group).Where(_ => filled.Length > 1))
        {
            _notes.Add($"{part.Path} is treated as a class because other folders with images are beside it; "
                + "if it contains images of all classes, move it or the others away");
        }

        AddNoteOfFolders(filled);
        return new(folder, LayoutPart.Of(folder)) { LeftOut = _leftOut, Notes = _notes };
    }

    /// <summary>Classes may lie one folder deeper than they seem to.</summary>
    private void AddNoteOfFolders(SourceFolder[] filled)
    {
        if (filled.Length < 2)
            return;
        var inner = filled.Select(found => found.Filled.Select(part => part.Name).ToHashSet(StringComparer.OrdinalIgnoreCase)).ToArray();
        var holders = filled.Where((found, i) => found.OwnImages == 0 && inner[i].Count > 1).ToArray();
        if (inner[0].Count > 1 && inner.All(names => names.SetEquals(inner[0])))
        {
            _notes.Add($"all class folders contain folders with the same names, for example {filled[0].Filled.First().Name}; "
                + $"if those are the classes, give {filled[0].Path} or another class folder as the source");
        }
        else if (holders.Length == 1)
        {
            _notes.Add($"{holders[0].Path} is treated as one class, but contains {holders[0].Filled.Count():N0} folders with images; "
                + $"if those are the classes, give {holders[0].Path} as the source");
        }
    }

    /// <summary>
    /// Two folders, one with only a training part and the other with only a validation or test part, for example from two archives.
    /// </summary>
    private static (SourceFolder Train, SourceFolder Other)? ScatteredParts(SourceFolder[] filled)
    {
        SourceFolder? OnlyOf(params SplitKind[] kinds) => Array.Find(filled, found =>
            found.OwnImages == 0 && found.Filled.All(part => SplitNames.OfFolder(part.Name) is { IsPlain: true } name && kinds.Contains(name.Kind)));
        return OnlyOf(SplitKind.Train) is { } train && OnlyOf(SplitKind.Validation, SplitKind.Test) is { } other ? (train, other) : null;
    }

    /// <summary>Whether a folder has parts of a data set in it.</summary>
    private static bool IsSplit(SourceFolder folder)
    {
        var kinds = folder.Filled.Select(part => SplitNames.OfFolder(part.Name)).Where(name => name.IsPlain).Select(name => name.Kind).ToHashSet();
        return kinds.Contains(SplitKind.Train) && (kinds.Contains(SplitKind.Validation) || kinds.Contains(SplitKind.Test));
    }

    private static IEnumerable<SourceFolder> Train(SourceFolder folder) =>
        folder.Filled.Where(part => SplitNames.OfFolder(part.Name) is { Kind: SplitKind.Train, IsPlain: true });

    /// <summary>Whether half of the folders of one, or of the others if they are fewer, have names that the others have.</summary>
    private static bool HasClassesIn(SourceFolder folder, IEnumerable<SourceFolder> others)
    {
        var (names, known) = (NamesIn(folder.Filled), NamesIn(others));
        var common = names.Count(known.Contains);
        return common > 0 && 2 * common >= Math.Min(names.Count, known.Count);
    }

    /// <summary>Whether a folder holds folders of the same names as all that lie beside it.</summary>
    private static bool HoldsOthers(SourceFolder folder, SourceFolder[] filled) =>
        folder.Filled.Skip(filled.Length - 2).Any() && NamesIn(folder.Filled).IsSupersetOf(NamesIn(filled.Except([folder])));

    private static HashSet<string> NamesIn(IEnumerable<SourceFolder> folders) =>
        folders.Select(folder => folder.Name).ToHashSet(StringComparer.OrdinalIgnoreCase);

    private SourceFolder Only(IEnumerable<SourceFolder> folders, string purpose) => folders.ToArray() is [var only] ? only
        : throw Refuse($"contains several {purpose} folders, {Names(folders)}; move all but one of them away");

    private void LeaveOut(string reason, IEnumerable<SourceFolder> folders) => _leftOut.AddRange(folders.Select(folder => (reason, folder)));

    /// <summary>A few names, then a count.</summary>
    private static string Names(IEnumerable<SourceFolder> folders) => NameList.Of(folders.Select(folder => folder.Path));

    private BadDataException Refuse(string what) => new($"{source}: {what}; {SourceLayout.Expected}");
}
