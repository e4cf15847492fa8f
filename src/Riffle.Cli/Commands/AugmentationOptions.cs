using System.CommandLine;
using Riffle.Data;

namespace Riffle.Cli.Commands;

/// <summary>Options of what is done to training images, which those who train and those who teach share.</summary>
internal sealed class AugmentationOptions
{
    private readonly OptionEntries<Augmentation> _entries = new();

    public AugmentationOptions()
    {
        var centre = new Option<bool>("--no-crop") { Description = "Take the centre of training images instead of random crops." };
        _entries.AddSwitch(centre, a => !a.RandomCrop, a => a with { RandomCrop = false });
        var smallest = _entries.Add<float>(
            "--smallest-area", "X", "Crops of this share of an image's area and more, scaled to the size; 0: only of the size.",
            Augmentation.ShareLimits, a => a.SmallestArea, (a, v) => a with { SmallestArea = v });
        smallest.Validators.Add(result => TrainingOptions.Require(
            result.GetResult(centre) is not { Implicit: false }, result, $"{smallest.Name} is of random crops: leave it out, or {centre.Name}."));
        var sharp = _entries.Add<float>(
            "--sharp-share", "X", "With --smallest-area: share of the crops that are only of the size, not scaled.",
            Augmentation.ShareLimits, a => a.SharpShare, (a, v) => a with { SharpShare = v });
        sharp.Validators.Add(result => TrainingOptions.Require(
            result.GetResult(smallest) is not null, result, $"{sharp.Name} needs {smallest.Name}: without it no crop is scaled."));
        _entries.AddSwitch(new("--no-flip") { Description = "Do not mirror training images." }, a => !a.Flip, a => a with { Flip = false });
        _entries.Add<float>("--brightness", "X", "Change brightness by up to this share; 0: not.", Augmentation.ShareLimits,
            a => a.Brightness, (a, v) => a with { Brightness = v });
        _entries.Add<float>("--contrast", "X", "Change contrast by up to this share.", Augmentation.ShareLimits,
            a => a.Contrast, (a, v) => a with { Contrast = v });
        _entries.Add<float>("--saturation", "X", "Change saturation by up to this share.", Augmentation.ShareLimits,
            a => a.Saturation, (a, v) => a with { Saturation = v });
        _entries.Add<float>("--hue", "X", "Turn hues by up to this share of a full turn.", Augmentation.HueLimits, a => a.Hue, (a, v) => a with { Hue = v });
    }

    public IEnumerable<Option> All => _entries.Options;

    /// <summary>The augmentation with what the command line says otherwise.</summary>
    public Augmentation Apply(ParseResult parse, Augmentation augmentation) => _entries.Apply(parse, augmentation);

    /// <summary>The words of the command line that are these options.</summary>
    public IEnumerable<string> Given(ParseResult parse) => _entries.Given(parse);

    /// <summary>What the command line has to say for one to become another; null where there are no options for that.</summary>
    public IReadOnlyList<string>? Words(Augmentation usual, Augmentation wanted) => _entries.Words(usual, wanted);
}
