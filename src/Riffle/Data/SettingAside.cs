using Riffle.Data.Sources;

namespace Riffle.Data;

/// <summary>
/// Chooses which training images are set aside for validation and for testing. Groups of images are taken whole, in the order of a hash of seed and name: for
/// validation from the start, for testing from the end, so that neither fraction changes what the other takes.
/// </summary>
internal sealed class SettingAside
{
    private readonly Group[] _groups;
    private readonly Split[] _splits;
    private readonly int[] _sizes;
    private readonly int[] _left;

    private SettingAside(IEnumerable<LabelledImage> images, Func<string, string?> groupOf, ulong seed)
    {
        var named = images.GroupBy(image => groupOf(image.Name) is { } group ? (Purpose: "split group", Name: group) : (Purpose: "split", image.Name));
        _groups = [.. named.Select(group => (group.Key, Found: new Group([.. group], [.. group.CountBy(image => image.Label)])))
            .OrderBy(group => PreparationPlan.Hash(seed, group.Key.Purpose, group.Key.Name))
            .ThenBy(group => group.Key.Name, StringComparer.Ordinal).Select(group => group.Found)];
        _splits = new Split[_groups.Length];
        _sizes = new int[_groups.SelectMany(group => group.Counts).Max(count => count.Key) + 1];
        foreach (var (label, count) in _groups.SelectMany(group => group.Counts))
            _sizes[label] += count;
        _left = [.. _sizes];
    }

    /// <summary>The images with their splits. Those that are not for training stay as they are.</summary>
    /// <param name="images">All images.</param>
    /// <param name="hasValidation">Whether there are validation images among them, so that none are set aside for that.</param>
    /// <param name="options">The options.</param>
    public static LabelledImage[] Apply(IReadOnlyList<LabelledImage> images, bool hasValidation, PreparationOptions options)
    {
        var validation = hasValidation ? 0 : options.ValidationFraction ?? PreparationOptions.DefaultFraction;
        Func<string, string?> groupOf = options.GroupBy is { } pattern ? new ImageGroups(pattern).Of : _ => null;
        return Apply(images, validation, options.Fold, options.TestFraction ?? 0, groupOf, options.Seed);
    }

    private static LabelledImage[] Apply(IReadOnlyList<LabelledImage> images, double validation, int fold, double test, Func<string, string?> groupOf, ulong seed)
    {
        if ((validation == 0 && test == 0) || images.All(image => image.Split != Split.Train))
            return [.. images];
        var aside = new SettingAside(images.Where(image => image.Split == Split.Train), groupOf, seed);
        int[] order = [.. Enumerable.Range(0, aside._groups.Length)];
        if (fold == 0)
            aside.Take(Split.Validation, order, size => Share(size, validation));
        aside.Take(Split.Test, [.. order.Reverse()], size => Share(size, test));
        for (var i = 0; i <= fold && fold > 0; i++)
        {
            // All folds but the last go back to training, and are passed over by the next.
            var taken = aside.Take(Split.Validation, order, size => UpTo(i + 1, size) - UpTo(i, size));
            if (i < fold)
                aside.GiveBack(taken);
            order = [.. order.Except(taken)];
        }

        return
        [
            .. images.Where(image => image.Split != Split.Train),
            .. aside._groups.SelectMany((group, i) => group.Images.Select(image => image with { Split = aside._splits[i] })),
        ];

        static int Share(int size, double fraction) => fraction == 0 ? 0 : Math.Max(1, (int)Math.Round(fraction * size));

        // The images of a class in the first folds: together they have each image once.
        int UpTo(int folds, int size) => Math.Min(size, Math.Max(folds, (int)Math.Round(folds * validation * size)));
    }

    /// <summary>
    /// Takes each group that brings the numbers of its classes nearer to what is wanted: at least one image of a class, but never its last one. Where every group
    /// of a class is too large for that, the smallest is taken.
    /// </summary>
    /// <returns>The groups that were taken.</returns>
    private int[] Take(Split split, int[] order, Func<int, int> share)
    {
        int[] wanted = [.. _sizes.Zip(_left, (size, left) => left < 2 ? 0 : Math.Min(share(size), left - 1))];
        var taken = new List<int>();
        var have = new int[_sizes.Length];
        foreach (var i in order.Where(i => MayTake(i) && _groups[i].Counts.Sum(count => Distance(count, count.Value) - Distance(count, 0)) < 0))
            TakeGroup(i);
        for (var label = 0; label < wanted.Length; label++)
        {
            if (have[label] > 0 || wanted[label] == 0)
                continue;
            var smallest = order.Where(i => MayTake(i) && _groups[i].Counts.Any(count => count.Key == label)).Cast<int?>().MinBy(i => _groups[i!.Value].Images.Length);
            if (smallest is { } found)
                TakeGroup(found);
        }

        return [.. taken];

        int Distance(KeyValuePair<int, int> count, int more) => Math.Abs(have[count.Key] + more - wanted[count.Key]);

        void TakeGroup(int i)
        {
            _splits[i] = split;
            taken.Add(i);
            foreach (var (label, count) in _groups[i].Counts)
            {
                have[label] += count;
                _left[label] -= count;
            }
        }
    }

    private void GiveBack(int[] groups)
    {
        foreach (var i in groups)
        {
            _splits[i] = Split.Train;
            foreach (var (label, count) in _groups[i].Counts)
                _left[label] += count;
        }
    }

    private bool MayTake(int i) => _splits[i] == Split.Train && _groups[i].Counts.All(count => count.Value < _left[count.Key]);

    private readonly record struct Group(LabelledImage[] Images, KeyValuePair<int, int>[] Counts);
}
