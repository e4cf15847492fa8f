using System.CommandLine;
using System.Globalization;
using Riffle.Data;
using Riffle.Execution;
using Riffle.Training;

namespace Riffle.Cli;

/// <summary>The options that tell of a network from elsewhere what its file does not: names of its classes, and how pixels become its inputs.</summary>
internal sealed class InputOptions
{
    private readonly Option<string?> _labels = new("--labels") { HelpName = "FILE" };

    private readonly Option<RgbTriple?> _mean = Colours("--mean", Execution.Normalisation.ImageNet.Mean, least: 0);

    private readonly Option<RgbTriple?> _deviation = Colours("--std", Execution.Normalisation.ImageNet.Deviation, least: 1e-4f);

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
        ({ } mean, { } deviation) => new(mean, deviation),
        (null, null) => null,
        _ => throw new ArgumentException("--mean and --std go together"),
    };

    private static Option<RgbTriple?> Colours(string name, RgbTriple example, float least)
    {
        var shown = FormattableString.Invariant($"{example.Red},{example.Green},{example.Blue}");
        return new(name)
        {
            HelpName = shown,
            CustomParser = result =>
            {
                float[] values =
                [
                    .. result.Tokens.Single().Value.Split(',')
                        .Select(part => float.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : float.NaN),
                ];
                if (values is [var red, var green, var blue] && values.All(value => value >= least && value <= 1))
                    return new RgbTriple(red, green, blue);
                result.AddError(FormattableString.Invariant($"{name} takes three numbers from {least} to 1, for example {shown}."));
                return null;
            },
        };
    }
}
