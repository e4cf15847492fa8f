using System.CommandLine;
using System.Numerics;

namespace Riffle.Cli;

/// <summary>An option whose value is a list of numbers, separated by commas.</summary>
internal static class NumberList
{
    /// <param name="name">For example <c>--units</c>.</param>
    /// <param name="example">A valid value, for help and for error messages.</param>
    /// <param name="limits">The allowed values of each number.</param>
    /// <param name="count">The required length; null: any length.</param>
    public static Option<T[]?> Option<T>(string name, string example, Limits<T> limits, int? count = null)
        where T : struct, INumber<T>, IMinMaxValue<T> => new(name)
        {
            HelpName = count is null ? "N,N,N" : example,
            CustomParser = result =>
            {
                var text = result.Tokens.Single().Value;
                var numbers = text.Split(',').Select(ParseOne<T>).ToArray();
                var wrong =
                    count is not null && (numbers.Length != count || numbers.Any(number => number is not { } value || !limits.Contain(value)))
                        ? $"{name} must be {(count == 3 ? "three" : count)} numbers {limits}, for example {example}, not '{text}'."
                    : numbers.Any(number => number is null) ? $"{name} must be a list of whole numbers, for example {example}, not '{text}'."
                    : numbers.FirstOrDefault(number => !limits.Contain(number!.Value)) is { } outside ? $"{name}: each number must be {limits}, not {outside}."
                    : null;
                if (wrong is null)
                    return [.. numbers.Select(number => number!.Value)];
                result.AddError(wrong);
                return null;
            },
        };

    /// <summary>Reads a number of a list. Refuses what may be the end of a number with a grouping comma, such as the 024 of 1,024.</summary>
    private static T? ParseOne<T>(string text)
        where T : struct, INumber<T>, IMinMaxValue<T> => text is ['0', >= '0' and <= '9', ..] ? null : Numbers.Parse<T>(text);
}
