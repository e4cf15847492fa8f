using System.Collections.Immutable;
using Riffle.Data;

namespace Riffle.Cli.Commands;

/// <summary>How <c>prepare</c> and <c>check</c> show the images of each class.</summary>
internal static class ClassCountLines
{
    /// <summary>Classes that a screen shows.</summary>
    private const int MostClasses = 20;

    private const int Fewest = 5;

    /// <summary>A line for each class, or only the smallest classes if there are many.</summary>
    public static IEnumerable<string> Of(ImmutableArray<ClassCounts> counts)
    {
        if (counts.Length > MostClasses)
        {
            var smallest = counts.OrderBy(count => count.Train).Take(Fewest).Select(count => $"{count.Name} {count.Train:N0}");
            return [$"  fewest      {string.Join(", ", smallest)} training images"];
        }

        var hasTest = counts.Any(count => count.Test > 0);
        var table = hasTest ? new TextTable("Class", ">Training", ">Validation", ">Test") : new TextTable("Class", ">Training", ">Validation");
        foreach (var (name, train, validation, test) in counts)
        {
            string[] cells = [name, $"{train:N0}", $"{validation:N0}", $"{test:N0}"];
            table.Add(hasTest ? cells : cells[..^1]);
        }

        var text = new StringWriter();
        table.Write(text);
        return text.ToString().TrimEnd().Split(Environment.NewLine).Select(line => $"    {line}");
    }
}
