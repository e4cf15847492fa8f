using System.CommandLine;
using System.Globalization;

namespace Riffle.Cli;

/// <summary>An option whose value is whole numbers with commas between them.</summary>
internal static class NumberList
{
    /// <param name="name">For example <c>--units</c>.</param>
    /// <param name="example">A value that can be given, for the message to who gave another.</param>
    /// <param name="least">The smallest number.</param>
    /// <param name="most">The largest number.</param>
    public static Option<int[]?> Option(string name, string example, int least = 0, int most = int.MaxValue) => new(name)
    {
        HelpName = "N,N,N",
        CustomParser = result =>
        {
            var text = result.Tokens.Single().Value;
            var parts = text.Split(',');
            var numbers = new int[parts.Length];
            for (var i = 0; i < parts.Length; i++)
            {
                if (!int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out numbers[i]))
                {
                    result.AddError($"{name}: '{text}' is not a list of whole numbers like {example}");
                    return null;
                }

                if (numbers[i] < least || numbers[i] > most)
                    result.AddError($"{name}: {numbers[i]} is not from {least} to {most}");
            }

            return numbers;
        },
    };
}
