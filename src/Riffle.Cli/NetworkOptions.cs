using System.CommandLine;
using Riffle.Cli.Commands;
using Riffle.Models;
using Riffle.Networks;

namespace Riffle.Cli;

/// <summary>Options for a network's preset, image size, classes and units.</summary>
internal sealed class NetworkOptions
{
    private readonly Option<string> _preset = new("--preset")
    {
        Description = "Sets size, classes and units. tiny: 56×56, 200 classes, units 2,4,2 (the study). imagenet: 224×224, 1000 classes, units 4,8,4 (the papers).",
        DefaultValueFactory = _ => "tiny",
    };

    private readonly Option<int?> _size = new("--size") { Description = "Height and width of input images, in pixels.", HelpName = "N" };

    private readonly Option<int?> _classes = new("--classes") { Description = "Number of classes.", HelpName = "N" };

    private readonly Option<int[]?> _units = NumberList.Option("--units", "2,4,2", NetworkCatalogue.UnitLimits);

    public NetworkOptions()
    {
        _preset.AcceptOnlyFromAmong("tiny", "imagenet");
        _units.Description = "Number of units in each stage, for example 2,4,2.";
    }

    /// <summary>Adds the options to a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="withClasses">Whether the user chooses the number of classes; false if the data set does.</param>
    public void AddTo(Command command, bool withClasses = true)
    {
        command.Options.Add(_preset);
        command.Options.Add(_size);
        if (withClasses)
            command.Options.Add(_classes);
        command.Options.Add(_units);
    }

    /// <summary>The preset's name.</summary>
    public string PresetOf(ParseResult parse) => parse.GetValue(_preset)!;

    /// <summary>Whether the preset is given on the command line.</summary>
    public bool IsPresetSpecified(ParseResult parse) => TrainingOptions.IsSpecified(parse, _preset);

    /// <summary>The network that the weights in a file belong to, as far as the options don't say it.</summary>
    /// <exception cref="RiffleException">It can't be read, or its weights fit no network or several.</exception>
    public NetworkSpec Find(ParseResult parse, string weights, Action<string> tell) => WeightImport.Find(
        weights,
        IsPresetSpecified(parse) ? Enum.Parse<Preset>(PresetOf(parse), ignoreCase: true) : null,
        SizeOf(parse),
        parse.GetValue(_units) is { Length: > 0 } units ? units : null,
        tell);

    /// <summary>The image size, if given.</summary>
    public int? SizeOf(ParseResult parse) => parse.GetValue(_size);

    /// <summary>The options, apart from the image size, that choose a network together with its name.</summary>
    public IEnumerable<Option> Choices => [_preset, _classes, _units];

    /// <summary>Whether any of the options is given.</summary>
    public bool AreSpecified(ParseResult parse) => ((Option[])[_preset, _size, _classes, _units]).Any(option => TrainingOptions.IsSpecified(parse, option));

    /// <summary>The network with the given name and options, or the one that a file describes.</summary>
    /// <exception cref="ArgumentException">There is no such network.</exception>
    /// <exception cref="RiffleException">The file can't be read, or describes no network.</exception>
    public NetworkSpec Resolve(ParseResult parse, string name)
    {
        if (IsDescription(name))
        {
            if (IsPresetSpecified(parse) || TrainingOptions.IsSpecified(parse, _units))
                throw new ArgumentException($"{name} describes the whole network; leave out --preset and --units");
            var spec = NetworkFile.Read(name);
            return spec with { ImageSize = parse.GetValue(_size) ?? spec.ImageSize, Classes = parse.GetValue(_classes) ?? spec.Classes };
        }

        return NetworkCatalogue.Resolve(
            name,
            Enum.Parse<Preset>(parse.GetValue(_preset)!, ignoreCase: true),
            parse.GetValue(_size),
            parse.GetValue(_classes),
            parse.GetValue(_units) is { Length: > 0 } units ? units : null);
    }

    /// <summary>Whether a network is given as a file that describes it.</summary>
    public static bool IsDescription(string name) => name.EndsWith(NetworkFile.Ending, StringComparison.OrdinalIgnoreCase);
}
