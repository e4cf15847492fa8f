using System.CommandLine;

namespace Riffle.Cli;

/// <summary>The argument that names a model, and the options that describe an ONNX file.</summary>
internal sealed class ModelOptions
{
    private readonly Argument<string> _model = new("MODEL-OR-RUN")
    {
        Description = "Checkpoint file, run folder (its best checkpoint) or ONNX file.",
    };

    private readonly InputOptions _input = new(
        "an ONNX file", "the names that Riffle wrote into the file, otherwise numbers",
        "what Riffle wrote into the file or what the graph's own arithmetic implies, otherwise ImageNet's values");

    /// <summary>Adds the argument, before all others, and the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Arguments.Insert(0, _model);
        _input.AddTo(command);
    }

    /// <summary>The model named on the command line.</summary>
    /// <exception cref="ArgumentException">The options do not fit it.</exception>
    public Model Open(ParseResult parse) => ReportNote(Model.Open(parse.GetRequiredValue(_model), new(_input.Classes(parse), _input.Normalisation(parse))));

    /// <summary>The model's file or folder.</summary>
    public string PathOf(ParseResult parse) => parse.GetRequiredValue(_model);

    /// <summary>Prints what was recognised in a model's file on standard error, and returns the model.</summary>
    public static Model ReportNote(Model model)
    {
        foreach (var note in model.Notes)
            Console.Error.WriteLine(note);
        return model;
    }
}
