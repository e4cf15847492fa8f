using System.CommandLine;
using Riffle.Cli.Commands;
using Riffle.Data;

namespace Riffle.Cli;

/// <summary>The options that tell how TFRecords of other programs are understood.</summary>
internal sealed class RecordOptions
{
    private readonly Option<string> _image = new("--image-key")
    {
        Description = "TFRecords: the feature with the image's bytes; image/encoded or image unless given.",
        HelpName = "KEY",
    };

    private readonly Option<string> _label = new("--label-key")
    {
        Description = "TFRecords: the feature with the class, a number or a name; image/class/label, label or target unless given.",
        HelpName = "KEY",
    };

    private readonly Option<int?> _offset = new("--label-offset")
    {
        Description = "TFRecords: the number of the first class. Found out unless given: 1 where no record has 0, else 0.",
        HelpName = "N",
    };

    public RecordOptions() =>
        _offset.Validators.Add(
            result => TrainingOptions.Require(result.GetValueOrDefault<int?>() is null or (>= 0 and <= 1_000_000), result, "--label-offset is from 0."));

    /// <summary>The option that tells of what code page the names in an archive are.</summary>
    public static Option<string?> NameEncoding() => new("--name-encoding")
    {
        Description = "Zip and tar: the code page of names that are not UTF-8, as shift_jis, gbk or cp866. Code page 437 unless given.",
        HelpName = "NAME",
    };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_image);
        command.Options.Add(_label);
        command.Options.Add(_offset);
    }

    /// <summary>What they say.</summary>
    public TFRecordOptions Of(ParseResult parse) => new(parse.GetValue(_image), parse.GetValue(_label), parse.GetValue(_offset));
}
