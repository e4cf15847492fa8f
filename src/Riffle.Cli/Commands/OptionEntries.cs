using System.CommandLine;

namespace Riffle.Cli.Commands;

/// <summary>Options that each change one entry of a record of settings.</summary>
/// <typeparam name="TRecord">The record.</typeparam>
internal sealed class OptionEntries<TRecord>
{
    private readonly List<(Option Option, Func<ParseResult, TRecord, TRecord> Apply)> _entries = [];

    public IReadOnlyList<Option> Options => [.. _entries.Select(entry => entry.Option)];

    /// <summary>The record with what the command line says otherwise.</summary>
    public TRecord Apply(ParseResult parse, TRecord record) =>
        _entries.Where(entry => TrainingOptions.IsGiven(parse, entry.Option)).Aggregate(record, (changed, entry) => entry.Apply(parse, changed));

    public void Add<T>(Option<T> option, Func<TRecord, T, TRecord> apply) =>
        _entries.Add((option, (parse, record) => apply(record, parse.GetRequiredValue(option))));

    /// <summary>A number in a range.</summary>
    public void Add<T>(string name, string value, string description, T least, T most, Func<TRecord, T, TRecord> apply)
        where T : struct, IComparable<T>
    {
        var option = new Option<T>(name) { Description = description, HelpName = value };
        option.Validators.Add(result =>
        {
            // Of NaN both comparisons would have to hold.
            var number = result.GetValueOrDefault<T>();
            TrainingOptions.Require(
                number.CompareTo(least) >= 0 && number.CompareTo(most) <= 0, result, FormattableString.Invariant($"{name} is from {least} to {most}."));
        });
        Add(option, apply);
    }

    public void AddChoice<T>(string name, string description, Func<TRecord, T, TRecord> apply)
        where T : struct, Enum
    {
        // Not an option of the enumeration itself, which would take numbers too.
        var option = new Option<string>(name) { Description = description };
        option.AcceptOnlyFromAmong([.. Enum.GetNames<T>().Select(choice => choice.ToLowerInvariant())]);
        Add(option, (record, choice) => apply(record, Enum.Parse<T>(choice, ignoreCase: true)));
    }

    public void AddSwitch(string name, string description, Func<TRecord, TRecord> apply) =>
        Add(new Option<bool>(name) { Description = description }, (record, isOn) => isOn ? apply(record) : record);
}
