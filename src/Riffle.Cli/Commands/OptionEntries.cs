using System.CommandLine;
using System.Numerics;

namespace Riffle.Cli.Commands;

/// <summary>Options that each change one entry of a settings record. They can also list the options that turn one record into another.</summary>
/// <typeparam name="TRecord">The record.</typeparam>
internal sealed class OptionEntries<TRecord>
    where TRecord : IEquatable<TRecord>
{
    private readonly List<Entry> _entries = [];

    public IReadOnlyList<Option> Options => [.. _entries.Select(entry => entry.Option)];

    /// <summary>The record, with the changes given on the command line.</summary>
    public TRecord Apply(ParseResult parse, TRecord record) =>
        _entries.Where(entry => TrainingOptions.IsSpecified(parse, entry.Option)).Aggregate(record, (changed, entry) => entry.Apply(parse, changed));

    /// <summary>The words of the command line that give these options.</summary>
    public IEnumerable<string> Specified(ParseResult parse) => _entries.Select(entry => entry.Option).Where(option => TrainingOptions.IsSpecified(parse, option))
        .SelectMany(option => parse.GetResult(option)!.Tokens.Select(token => token.Value).Prepend(option.Name));

    /// <summary>The command-line words that turn one record into another; null if no options do.</summary>
    public IReadOnlyList<string>? ArgumentsFor(TRecord usual, TRecord wanted)
    {
        var words = new List<string>();
        foreach (var entry in _entries)
            usual = entry.Change(usual, wanted, words);
        return usual.Equals(wanted) ? words : null;
    }

    /// <summary>Adds an option that takes a number.</summary>
    public Option<T> Add<T>(
        string name, string value, string description, Limits<T> limits, Func<TRecord, T> get, Func<TRecord, T, TRecord> set)
        where T : struct, INumber<T>, IMinMaxValue<T>
    {
        var option = Numbers.Option(name, value, limits);
        option.Description = description;
        Add(option, get, set, number => FormattableString.Invariant($"{name} {number}"));
        return option;
    }

    /// <summary>An option that takes one of the names of an enumeration.</summary>
    public static Option<string> Choice<T>(string name, string description)
        where T : struct, Enum
    {
        // An option of the enumeration type would also accept numbers.
        var option = new Option<string>(name) { Description = description };
        option.AcceptOnlyFromAmong([.. Enum.GetNames<T>().Select(choice => choice.ToLowerInvariant())]);
        return option;
    }

    public void AddChoice<T>(string name, string description, Func<TRecord, T> get, Func<TRecord, T, TRecord> set)
        where T : struct, Enum => AddChoice(Choice<T>(name, description), get, set);

    public void AddChoice<T>(Option<string> option, Func<TRecord, T> get, Func<TRecord, T, TRecord> set)
        where T : struct, Enum => Add(
            option, record => get(record).ToString().ToLowerInvariant(), (record, choice) => set(record, Enum.Parse<T>(choice, ignoreCase: true)),
            choice => $"{option.Name} {choice}");

    /// <summary>Adds a switch, which can only be given.</summary>
    /// <param name="option">The switch.</param>
    /// <param name="get">Whether a record is as the switch makes it.</param>
    /// <param name="set">A record as the switch makes it.</param>
    public void AddSwitch(Option<bool> option, Func<TRecord, bool> get, Func<TRecord, TRecord> set) =>
        Add(option, get, (record, isSpecified) => isSpecified ? set(record) : record, isSpecified => isSpecified ? option.Name : null);

    private void Add<T>(Option<T> option, Func<TRecord, T> get, Func<TRecord, T, TRecord> set, Func<T, string?> word) => _entries.Add(new(
        option,
        (parse, record) => set(record, parse.GetRequiredValue(option)),
        (usual, wanted, words) =>
        {
            var value = get(wanted);
            if (EqualityComparer<T>.Default.Equals(get(usual), value))
                return usual;
            if (word(value) is { } given)
                words.Add(given);
            return set(usual, value);
        }));

    /// <param name="Option">The option.</param>
    /// <param name="Apply">Returns a record with the option's value.</param>
    /// <param name="Change">Returns the first record with the second's value, and adds the words for that to a list.</param>
    private sealed record Entry(
        Option Option, Func<ParseResult, TRecord, TRecord> Apply, Func<TRecord, TRecord, List<string>, TRecord> Change);
}
