using System.CommandLine;
using System.Numerics;

namespace Riffle.Cli.Commands;

/// <summary>Options that each change one entry of a record of settings, and can tell which of them lead from one such record to another.</summary>
/// <typeparam name="TRecord">The record.</typeparam>
internal sealed class OptionEntries<TRecord>
    where TRecord : IEquatable<TRecord>
{
    private readonly List<Entry> _entries = [];

    public IReadOnlyList<Option> Options => [.. _entries.Select(entry => entry.Option)];

    /// <summary>The record with what the command line says otherwise.</summary>
    public TRecord Apply(ParseResult parse, TRecord record) =>
        _entries.Where(entry => TrainingOptions.IsGiven(parse, entry.Option)).Aggregate(record, (changed, entry) => entry.Apply(parse, changed));

    /// <summary>The words of the command line that are these options.</summary>
    public IEnumerable<string> Given(ParseResult parse) => _entries.Select(entry => entry.Option).Where(option => TrainingOptions.IsGiven(parse, option))
        .SelectMany(option => parse.GetResult(option)!.Tokens.Select(token => token.Value).Prepend(option.Name));

    /// <summary>What the command line has to say for a record to become another; null where there are no options for that.</summary>
    public IReadOnlyList<string>? Words(TRecord usual, TRecord wanted)
    {
        var words = new List<string>();
        foreach (var entry in _entries)
            usual = entry.Tell(usual, wanted, words);
        return usual.Equals(wanted) ? words : null;
    }

    /// <summary>A number.</summary>
    public Option<T> Add<T>(
        string name, string value, string description, Limits<T> limits, Func<TRecord, T> get, Func<TRecord, T, TRecord> set)
        where T : struct, INumber<T>, IMinMaxValue<T>
    {
        var option = Numbers.Option(name, value, limits);
        option.Description = description;
        Add(option, get, set, number => FormattableString.Invariant($"{name} {number}"));
        return option;
    }

    public void AddChoice<T>(string name, string description, Func<TRecord, T> get, Func<TRecord, T, TRecord> set)
        where T : struct, Enum
    {
        // Not an option of the enumeration itself, which would take numbers too.
        var option = new Option<string>(name) { Description = description };
        option.AcceptOnlyFromAmong([.. Enum.GetNames<T>().Select(choice => choice.ToLowerInvariant())]);
        Add(
            option, record => get(record).ToString().ToLowerInvariant(), (record, choice) => set(record, Enum.Parse<T>(choice, ignoreCase: true)),
            choice => $"{name} {choice}");
    }

    /// <summary>Something that is switched on or off by naming it, and never the other way.</summary>
    /// <param name="option">Its option.</param>
    /// <param name="get">Whether it is as the option makes it.</param>
    /// <param name="set">Makes it so.</param>
    public void AddSwitch(Option<bool> option, Func<TRecord, bool> get, Func<TRecord, TRecord> set) =>
        Add(option, get, (record, isGiven) => isGiven ? set(record) : record, isGiven => isGiven ? option.Name : null);

    private void Add<T>(Option<T> option, Func<TRecord, T> get, Func<TRecord, T, TRecord> set, Func<T, string?> word) => _entries.Add(new(
        option,
        (parse, record) => set(record, parse.GetRequiredValue(option)),
        (usual, wanted, words) =>
        {
            var value = get(wanted);
            if (EqualityComparer<T>.Default.Equals(get(usual), value))
                return usual;
            if (word(value) is { } said)
                words.Add(said);
            return set(usual, value);
        }));

    /// <param name="Option">The option.</param>
    /// <param name="Apply">The record with the option's value.</param>
    /// <param name="Tell">The first record with the second's value, and what was said for that.</param>
    private sealed record Entry(
        Option Option, Func<ParseResult, TRecord, TRecord> Apply, Func<TRecord, TRecord, List<string>, TRecord> Tell);
}
