using System.CommandLine;
using System.Globalization;
using Riffle.Execution;
using Riffle.Training;

namespace Riffle.Cli;

/// <summary>The argument that names a model, and the options that tell what an ONNX file does not.</summary>
internal sealed class ModelOptions
{
    private readonly Argument<string> _model = new("MODEL-OR-RUN")
    {
        Description = "A checkpoint file, a run folder, whose best checkpoint is taken, or an ONNX file.",
    };

    private readonly Option<string?> _labels = new("--labels")
    {
        Description = "Names of an ONNX file's classes, one on each line in its order; without it, what Riffle wrote into the file, else numbers.",
        HelpName = "FILE",
    };

    private readonly Option<RgbTriple?> _mean = Colours(
        "--mean", "0.485,0.456,0.406", least: 0, "Mean of red, green and blue, from 0 to 1, that an ONNX file's images lack.");

    private readonly Option<RgbTriple?> _deviation = Colours(
        "--deviation", "0.229,0.224,0.225", least: 1e-6f,
        "Standard deviation that they are divided by. Without both, what Riffle wrote into the file, else ImageNet's.");

    /// <summary>Adds the argument, before all others, and the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Arguments.Insert(0, _model);
        foreach (var option in (Option[])[_labels, _mean, _deviation])
            command.Options.Add(option);
    }

    /// <summary>The model that is asked for.</summary>
    /// <exception cref="ArgumentException">The options do not fit it.</exception>
    public Model Open(ParseResult parse)
    {
        var (mean, deviation) = (parse.GetValue(_mean), parse.GetValue(_deviation));
        if (mean is null != deviation is null)
            throw new ArgumentException("--mean and --deviation go together");
        var normalisation = mean is null ? null : new Normalisation(mean.Value, deviation!.Value);
        return Model.Open(parse.GetRequiredValue(_model), new(parse.GetValue(_labels) is { } file ? ClassNames.Read(file) : null, normalisation));
    }

    private static Option<RgbTriple?> Colours(string name, string example, float least, string description)
    {
        var option = new Option<RgbTriple?>(name)
        {
            Description = description,
            HelpName = example,
            CustomParser = result =>
            {
                var parts = result.Tokens.Single().Value.Split(',');
                float[] values = [.. parts.Select(part => float.TryParse(part, CultureInfo.InvariantCulture, out var value) ? value : float.NaN)];
                if (values is [var red, var green, var blue] && values.All(value => float.IsFinite(value) && value >= least))
                    return new RgbTriple(red, green, blue);
                result.AddError($"{name} takes three numbers of at least {least.ToString(CultureInfo.InvariantCulture)}, for example {example}.");
                return null;
            },
        };
        return option;
    }
}
