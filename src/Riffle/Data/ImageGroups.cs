using System.Text.RegularExpressions;

namespace Riffle.Data;

/// <summary>Which images belong together and must stay in one split: those from whose paths a pattern captures the same text.</summary>
internal sealed class ImageGroups
{
    /// <summary>A pattern can take exponential time on a path that somebody else chose.</summary>
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(1);

    private readonly Regex _pattern;

    /// <param name="pattern">A .NET regular expression. The text of its first group names the group of an image, or the whole match if it has no group.</param>
    /// <exception cref="ArgumentException">It is not a regular expression.</exception>
    public ImageGroups(string pattern)
    {
        try
        {
            _pattern = new Regex(pattern, RegexOptions.CultureInvariant, MostTime);
        }
        catch (RegexParseException e)
        {
            throw new AdvisedArgumentException($"the pattern of groups is not a regular expression: {e.Message}", e) { CommandLineAdvice = "Give another --group-by." };
        }
    }

    /// <summary>The group of an image; null where the pattern doesn't match its path, so that it belongs to no other image.</summary>
    /// <exception cref="RiffleException">The pattern takes too long on this path.</exception>
    public string? Of(string path)
    {
        try
        {
            return _pattern.Match(path) is { Success: true } match ? match.Groups[match.Groups.Count > 1 ? 1 : 0].Value : null;
        }
        catch (RegexMatchTimeoutException e)
        {
            throw new RiffleException(
                $"{path}: the pattern of groups takes more than {MostTime.TotalSeconds:0} s on this path; use a simpler one without nested repetitions.", e)
            {
                CommandLineAdvice = "Give another --group-by.",
            };
        }
    }
}
