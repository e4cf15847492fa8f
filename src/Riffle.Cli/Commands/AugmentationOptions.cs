using System.CommandLine;
using Riffle.Data;

namespace Riffle.Cli.Commands;

/// <summary>The augmentation options, which <c>train</c>, <c>teach</c> and <c>reproduce</c> share.</summary>
internal sealed class AugmentationOptions
{
    private readonly OptionEntries<Augmentation> _entries = new();

    public AugmentationOptions()
    {
        var centre = new Option<bool>("--no-crop") { Description = "Use the centre of training images instead of random crops." };
        _entries.AddSwitch(centre, a => !a.RandomCrop, a => a with { RandomCrop = false });
        var smallest = _entries.Add<float>(
            "--smallest-area", "X", "Add random resized crops covering X to 1 of an image's area. 0: crops are not resized.",
            Augmentation.FractionLimits, a => a.SmallestArea, (a, v) => a with { SmallestArea = v });
        smallest.Validators.Add(result => TrainingOptions.Require(
            result.GetResult(centre) is not { Implicit: false }, result, $"{smallest.Name} and {centre.Name} exclude each other; remove one of them."));
        var sharp = _entries.Add<float>(
            "--sharp-share", "X", "With --smallest-area: share of the crops that are not resized.",
            Augmentation.FractionLimits, a => a.SharpShare, (a, v) => a with { SharpShare = v });
        sharp.Validators.Add(result => TrainingOptions.Require(
            result.GetResult(smallest) is not null, result, $"{sharp.Name} requires {smallest.Name}; without it no crop is resized."));
        _entries.AddSwitch(new("--no-flip") { Description = "Do not mirror training images." }, a => !a.Flip, a => a with { Flip = false });
        _entries.Add<float>("--brightness", "X", "Change brightness randomly, by up to this share.", Augmentation.FractionLimits,
            a => a.Brightness, (a, v) => a with { Brightness = v });
        _entries.Add<float>("--contrast", "X", "Change contrast randomly, by up to this share.", Augmentation.FractionLimits,
            a => a.Contrast, (a, v) => a with { Contrast = v });
        _entries.Add<float>("--saturation", "X", "Change saturation randomly, by up to this share.", Augmentation.FractionLimits,
            a => a.Saturation, (a, v) => a with { Saturation = v });
        _entries.Add<float>("--hue", "X", "Rotate hues randomly, by up to this share of a full turn.", Augmentation.HueLimits, a => a.Hue, (a, v) => a with { Hue = v });
    }

    public IEnumerable<Option> All => _entries.Options;

    /// <summary>The augmentation, with the changes given on the command line.</summary>
    public Augmentation Apply(ParseResult parse, Augmentation augmentation) => _entries.Apply(parse, augmentation);

    /// <summary>The words of the command line that give these options.</summary>
    public IEnumerable<string> Specified(ParseResult parse) => _entries.Specified(parse);

    /// <summary>The command-line words that turn one augmentation into another; null if no options do.</summary>
    public IReadOnlyList<string>? ArgumentsFor(Augmentation usual, Augmentation wanted) => _entries.ArgumentsFor(usual, wanted);
}
