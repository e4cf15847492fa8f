using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace Riffle.Cli;

/// <summary>
/// Reads numbers on the command line, in the same way for all options and whatever the language of the machine. Commas are refused, because they are a
/// decimal point to some people and group thousands for others.
/// </summary>
internal static class Numbers
{
    private const NumberStyles Whole = NumberStyles.AllowLeadingSign;
    private const NumberStyles Fraction = Whole | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;

    /// <summary>An option that takes a number.</summary>
    /// <param name="name">For example <c>--epochs</c>.</param>
    /// <param name="value">The name of the number in help.</param>
    /// <param name="limits">The allowed values.</param>
    public static Option<T> Option<T>(string name, string value, Limits<T> limits)
        where T : struct, INumber<T>, IMinMaxValue<T> => new(name) { HelpName = value, CustomParser = result => Read<T>(result, limits) ?? default };

    /// <summary>An option that takes a number, and is null if not given.</summary>
    /// <inheritdoc cref="Option"/>
    public static Option<T?> Optional<T>(string name, string value, Limits<T> limits)
        where T : struct, INumber<T>, IMinMaxValue<T> => new(name) { HelpName = value, CustomParser = result => Read<T>(result, limits) };

    /// <summary>Makes all number options of a command and of its subcommands use this reader.</summary>
    public static void ReadAll(Command command)
    {
        foreach (var option in command.Options)
            _ = TryRead<int>(option) || TryRead<long>(option) || TryRead<ulong>(option) || TryRead<float>(option) || TryRead<double>(option);
        foreach (var child in command.Subcommands)
            ReadAll(child);
    }

    /// <summary>Reads a number; null if the text is not one.</summary>
    public static T? Parse<T>(string text)
        where T : struct, INumber<T>, IMinMaxValue<T>
    {
        // A number that rounds to infinity or to zero is not what the user meant.
        if (!T.TryParse(text, IsWhole<T>() ? Whole : Fraction, CultureInfo.InvariantCulture, out var number) || !T.IsFinite(number))
            return null;
        return T.IsZero(number) && text.Split('e', 'E')[0].Any(c => c is >= '1' and <= '9') ? null : number;
    }

    private static bool TryRead<T>(Option option)
        where T : struct, INumber<T>, IMinMaxValue<T>
    {
        switch (option)
        {
            case Option<T> plain:
                plain.CustomParser ??= result => Read<T>(result) ?? default;
                return true;
            case Option<T?> optional:
                optional.CustomParser ??= result => Read<T>(result);
                return true;
            default:
                return false;
        }
    }

    private static T? Read<T>(ArgumentResult result, Limits<T>? limits = null)
        where T : struct, INumber<T>, IMinMaxValue<T>
    {
        var (name, text) = (((OptionResult)result.Parent!).Option.Name, result.Tokens.Single().Value);
        var number = Parse<T>(text);
        var wrong =
            text.Contains(',') ? $"{name}: {WithoutComma(text, IsWhole<T>())}, not {text}."
            : limits is { } possible && !(number is { } value && possible.Contain(value))
                ? $"{name} must be {(number is null ? IsWhole<T>() ? "a whole number " : "a number " : "")}{possible}, not '{text}'."
            : number is null ? $"{name} must be {(IsWhole<T>() ? "a whole number, for example 10" : "a number, for example 0.5")}, not '{text}'."
            : null;
        if (wrong is not null)
            result.AddError(wrong);
        return number;
    }

    /// <summary>What to write instead of a number with a comma. The comma may be a decimal point, or group thousands if three digits follow it.</summary>
    private static string WithoutComma(string text, bool isWhole)
    {
        var (plain, parts) = (text.Replace(",", "", StringComparison.Ordinal), text.Split(','));
        var canBePoint = !isWhole && parts.Length == 2 && !text.Contains('.');
        var canBeGroup = parts[0].Any(c => c is >= '1' and <= '9') && parts.Skip(1).All(part => part.Length == 3 && part.All(char.IsAsciiDigit));
        return (canBePoint, canBeGroup) switch
        {
            (true, false) => $"write {parts[0]}.{parts[1]} with a point",
            (true, true) => $"write {parts[0]}.{parts[1]} with a point, or {plain} without a comma",
            (false, true) => $"write {plain} without a comma",
            _ => isWhole ? "write a whole number" : "write a number with a point and without commas",
        };
    }

    private static bool IsWhole<T>()
        where T : struct, INumber<T>, IMinMaxValue<T> => !T.TryParse("0.5", Fraction, CultureInfo.InvariantCulture, out _);
}
