using System.CommandLine;

namespace Riffle.Cli;

/// <summary>The argument that names a model, and the options that tell what an ONNX file does not.</summary>
internal sealed class ModelOptions
{
    private readonly Argument<string> _model = new("MODEL-OR-RUN")
    {
        Description = "A checkpoint file, a run folder, whose best checkpoint is taken, or an ONNX file.",
    };

    private readonly InputOptions _input = new(
        "an ONNX file's", "what Riffle wrote into the file, else numbers,",
        "what Riffle wrote into the file or what the graph computes on its input tells, else ImageNet's,");

    /// <summary>Adds the argument, before all others, and the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Arguments.Insert(0, _model);
        _input.AddTo(command);
    }

    /// <summary>The model that is asked for.</summary>
    /// <exception cref="ArgumentException">The options do not fit it.</exception>
    public Model Open(ParseResult parse) => Told(Model.Open(parse.GetRequiredValue(_model), new(_input.Classes(parse), _input.Normalisation(parse))));

    /// <summary>A model, after what was recognised in its file has been said on standard error.</summary>
    public static Model Told(Model model)
    {
        foreach (var note in model.Notes)
            Console.Error.WriteLine(note);
        return model;
    }
}
