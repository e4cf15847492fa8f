using System.CommandLine;
using Riffle.Data;
using Riffle.Models;
using Riffle.Networks;

namespace Riffle.Cli;

/// <summary>The options that tell of a network from elsewhere what its file does not: names of its classes, and how pixels become its inputs.</summary>
internal sealed class InputOptions
{
    private readonly Option<string?> _labels = new("--labels") { HelpName = "FILE" };

    private readonly Option<float[]?> _mean = Colours("--mean", Networks.Normalisation.ImageNet.Mean, least: 0);

    private readonly Option<float[]?> _deviation = Colours("--std", Networks.Normalisation.ImageNet.Deviation, least: 1e-4f);

    /// <param name="of">Whose they are, as "an ONNX file's".</param>
    /// <param name="otherwise">What classes there are without names.</param>
    /// <param name="usual">What the normalisation is without the options.</param>
    public InputOptions(string of, string otherwise, string usual)
    {
        _labels.Description = $"Names of {of} classes, a line for each in its order, behind a tab what a person reads; {otherwise} without it.";
        _mean.Description = $"Mean of red, green and blue, from 0 to 1, that is taken from {of} pixels; {usual} without it.";
        _deviation.Description = "Standard deviation by which they are divided then; goes with --mean.";
    }

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_labels, _mean, _deviation])
            command.Options.Add(option);
    }

    /// <summary>The classes by name; null where none are given.</summary>
    public IReadOnlyList<DatasetClass>? Classes(ParseResult parse) => parse.GetValue(_labels) is { } file ? ClassNames.Read(file) : null;

    /// <summary>How pixels become inputs; null where it is not given.</summary>
    /// <exception cref="ArgumentException">Half of it is given.</exception>
    public Normalisation? Normalisation(ParseResult parse) => (parse.GetValue(_mean), parse.GetValue(_deviation)) switch
    {
        ([var red, var green, var blue], [var r, var g, var b]) => new(new(red, green, blue), new(r, g, b)),
        (null or [], null or []) => null,
        _ => throw new ArgumentException("--mean and --std go together"),
    };

    private static Option<float[]?> Colours(string name, RgbTriple example, float least) =>
        NumberList.Option(name, FormattableString.Invariant($"{example.Red},{example.Green},{example.Blue}"), new Limits<float>(least, 1), count: 3);
}
