using System.CommandLine;
using Riffle.Cli.Commands;
using Riffle.Data;

namespace Riffle.Cli;

/// <summary>Options for reading TFRecords from other programs.</summary>
internal sealed class RecordOptions
{
    private readonly Option<string> _image = new("--image-key")
    {
        Description = "TFRecords: feature that holds the image's bytes. Default: image/encoded or image.",
        HelpName = "KEY",
    };

    private readonly Option<string> _label = new("--label-key")
    {
        Description = "TFRecords: feature that holds the class, as a number or a name. Default: image/class/label, label or target.",
        HelpName = "KEY",
    };

    private readonly Option<int?> _offset = new("--label-offset")
    {
        Description = "TFRecords: number of the first class. Default: 1 if no record has class 0, otherwise 0.",
        HelpName = "N",
    };

    public RecordOptions() =>
        _offset.Validators.Add(
            result => TrainingOptions.Require(result.GetValueOrDefault<int?>() is null or (>= 0 and <= 1_000_000), result, "--label-offset must be from 0 to 1000000."));

    /// <summary>The option for the code page of the names in an archive.</summary>
    public static Option<string?> NameEncoding() => new("--name-encoding")
    {
        Description = "Zip and tar: code page of names that are not UTF-8, for example shift_jis, gbk or cp866. Default: code page 437.",
        HelpName = "NAME",
    };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_image);
        command.Options.Add(_label);
        command.Options.Add(_offset);
    }

    /// <summary>The values of the options.</summary>
    public TFRecordOptions Of(ParseResult parse) => new(parse.GetValue(_image), parse.GetValue(_label), parse.GetValue(_offset));
}
