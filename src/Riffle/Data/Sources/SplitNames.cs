using System.Text.RegularExpressions;

namespace Riffle.Data.Sources;

/// <summary>What the name of a folder or file says that it is for.</summary>
internal enum SplitKind
{
    None,
    Train,
    Validation,
    Test,

    /// <summary>Images without labels, to be predicted.</summary>
    Unlabelled,
}

/// <summary>The names that people give to the parts of a data set: one table for folders and for files of TFRecords.</summary>
internal static partial class SplitNames
{
    private static readonly Dictionary<string, SplitKind> Kinds = new()
    {
        ["train"] = SplitKind.Train,
        ["training"] = SplitKind.Train,
        ["trn"] = SplitKind.Train,
        ["trainval"] = SplitKind.Train,
        ["val"] = SplitKind.Validation,
        ["valid"] = SplitKind.Validation,
        ["validate"] = SplitKind.Validation,
        ["validation"] = SplitKind.Validation,
        ["eval"] = SplitKind.Validation,
        ["evaluate"] = SplitKind.Validation,
        ["evaluation"] = SplitKind.Validation,
        ["dev"] = SplitKind.Validation,
        ["development"] = SplitKind.Validation,
        ["test"] = SplitKind.Test,
        ["testing"] = SplitKind.Test,
        ["tst"] = SplitKind.Test,
        ["holdout"] = SplitKind.Test,
        ["pred"] = SplitKind.Unlabelled,
        ["predict"] = SplitKind.Unlabelled,
        ["prediction"] = SplitKind.Unlabelled,
        ["predictions"] = SplitKind.Unlabelled,
        ["unlabeled"] = SplitKind.Unlabelled,
        ["unlabelled"] = SplitKind.Unlabelled,
        ["unsup"] = SplitKind.Unlabelled,
    };

    /// <summary>Other words that change nothing: <c>seg_train</c>, <c>train_set</c>, <c>ILSVRC2012_img_val</c>.</summary>
    private static readonly HashSet<string> Affixes =
    [
        "set", "sets", "data", "dataset", "datasets", "image", "images", "img", "imgs", "photo", "photos", "picture", "pictures", "pic", "pics", "sample",
        "samples", "example", "examples", "file", "files", "folder", "folders", "dir", "split", "fold", "part", "class", "classes", "cls", "classification",
        "input", "inputs", "seg", "crop", "crops", "cropped", "resized", "raw", "clean", "small", "full", "final", "new", "my", "the", "for", "all", "jpg",
        "jpeg", "png", "rgb", "gray", "grey", "ilsvrc", "imagenet", "tfrecord", "tfrecords", "record", "records",
    ];

    /// <summary>
    /// The purpose of a folder by its name, and whether the name has no other words (<c>train_images</c>, but not <c>brain_train</c> or <c>test_tube</c>).
    /// </summary>
    public static (SplitKind Kind, bool IsPlain) OfFolder(string name)
    {
        var words = Words(name);
        var kinds = words.Select(KindOf).Where(kind => kind != SplitKind.None).Distinct().ToArray();
        var kind = kinds switch
        {
            [var only] => only,
            [_, _] when kinds.Contains(SplitKind.Train) && kinds.Contains(SplitKind.Validation) => SplitKind.Train, // train_val
            _ => SplitKind.None,
        };
        return (kind, kind != SplitKind.None && words.All(word => IsAffix(word) || KindOf(word) != SplitKind.None));
    }

    /// <summary>What a file of TFRecords is for by any word of its name; training unless it says otherwise.</summary>
    public static SplitKind OfFile(string name)
    {
        var kinds = Words(name).Select(KindOf).ToHashSet();
        SplitKind[] order = [SplitKind.Train, SplitKind.Validation, SplitKind.Test];
        return Array.Find(order, kinds.Contains) is var kind and not SplitKind.None ? kind : SplitKind.Train;
    }

    /// <summary>The name without the words for a part: what <c>cats_train</c> and <c>cats_test</c> have in common.</summary>
    public static string Rest(string name) => string.Join(' ', Words(name).Where(word => KindOf(word) == SplitKind.None));

    /// <summary>Whether a folder is one that only holds another: <c>images</c>, <c>data</c>.</summary>
    public static bool IsWrapper(string name) => Words(name) is var words && words.Any(Affixes.Contains) && words.All(IsAffix);

    private static bool IsAffix(string word) => word.Length == 1 || Affixes.Contains(word);

    private static SplitKind KindOf(string word)
    {
        if (Kinds.TryGetValue(word, out var kind))
            return kind;

        // Two words written as one: trainset, imgtest.
        return Kinds.FirstOrDefault(known =>
            (word.StartsWith(known.Key, StringComparison.Ordinal) && Affixes.Contains(word[known.Key.Length..]))
            || (word.EndsWith(known.Key, StringComparison.Ordinal) && Affixes.Contains(word[..^known.Key.Length]))).Value;
    }

    /// <summary>Words are separated by non-letters and by capitals: <c>TrainSet</c>.</summary>
    private static string[] Words(string name) => [.. Word().Matches(name).Select(word => word.Value.ToLowerInvariant())];

    [GeneratedRegex(@"\p{Lu}?[\p{Ll}\p{Lo}\p{M}]+|\p{Lu}+(?!\p{Ll})")]
    private static partial Regex Word();
}
