using System.CommandLine;
using Riffle.Data;
using Riffle.Models;
using Riffle.Networks;

namespace Riffle.Cli;

/// <summary>Options that describe a network from elsewhere where its file does not: class names, and how pixels become inputs.</summary>
internal sealed class InputOptions
{
    private readonly Option<string?> _labels = new("--labels") { HelpName = "FILE" };

    private readonly Option<float[]?> _mean = Colours("--mean", Networks.Normalisation.ImageNet.Mean, least: 0);

    private readonly Option<float[]?> _deviation = Colours("--std", Networks.Normalisation.ImageNet.Deviation, least: 1e-4f);

    /// <param name="of">What they describe, for example "an ONNX file".</param>
    /// <param name="defaultClasses">The class names without <c>--labels</c>.</param>
    /// <param name="defaultValues">The normalisation without <c>--mean</c> and <c>--std</c>.</param>
    public InputOptions(string of, string defaultClasses, string defaultValues)
    {
        _labels.Description = $"Text file with the classes of {of}, one per line in its order; a readable name may follow after a tab. Default: {defaultClasses}.";
        _mean.Description = $"Mean of red, green and blue, from 0 to 1, to subtract from pixels before {of} gets them. Default: {defaultValues}.";
        _deviation.Description = "Standard deviation of red, green and blue, to divide pixels by after that. Requires --mean.";
    }

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_labels, _mean, _deviation])
            command.Options.Add(option);
    }

    /// <summary>The classes; null if --labels is not given.</summary>
    public IReadOnlyList<DatasetClass>? Classes(ParseResult parse) => parse.GetValue(_labels) is { } file ? ClassNames.Read(file) : null;

    /// <summary>How pixels become inputs; null if not given.</summary>
    /// <exception cref="ArgumentException">Only one of the two options is given.</exception>
    public Normalisation? Normalisation(ParseResult parse) => (parse.GetValue(_mean), parse.GetValue(_deviation)) switch
    {
        ([var red, var green, var blue], [var r, var g, var b]) => new(new(red, green, blue), new(r, g, b)),
        (null or [], null or []) => null,
        _ => throw new ArgumentException("--mean and --std must be given together; add the missing one"),
    };

    private static Option<float[]?> Colours(string name, RgbTriple example, float least) =>
        NumberList.Option(name, FormattableString.Invariant($"{example.Red},{example.Green},{example.Blue}"), new Limits<float>(least, 1), count: 3);
}
