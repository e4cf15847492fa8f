using System.CommandLine;
using System.Numerics;

namespace Riffle.Cli;

/// <summary>An option whose value is numbers with commas between them.</summary>
internal static class NumberList
{
    /// <param name="name">For example <c>--units</c>.</param>
    /// <param name="example">A value that can be given, for help and for the message to who gave another.</param>
    /// <param name="limits">What each number may be.</param>
    /// <param name="count">How many there are; null: any number of them.</param>
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
                        ? $"{name} takes {(count == 3 ? "three" : count)} numbers {limits}, for example {example}, not '{text}'."
                    : numbers.Any(number => number is null) ? $"{name}: '{text}' is not a list of whole numbers like {example}"
                    : numbers.FirstOrDefault(number => !limits.Contain(number!.Value)) is { } outside ? $"{name}: {outside} is not {limits}"
                    : null;
                if (wrong is null)
                    return [.. numbers.Select(number => number!.Value)];
                result.AddError(wrong);
                return null;
            },
        };

    /// <summary>A number of a list. What looks like the end of a number in which a comma groups thousands, as 024 of 1,024, is none.</summary>
    private static T? ParseOne<T>(string text)
        where T : struct, INumber<T>, IMinMaxValue<T> => text is ['0', >= '0' and <= '9', ..] ? null : Numbers.Parse<T>(text);
}
