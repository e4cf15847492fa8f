namespace Riffle.Networks;

/// <summary>How pixels become inputs: (value / 255 − mean) / deviation for red, green and blue.</summary>
/// <param name="Mean">Mean of each colour, from 0 to 1.</param>
/// <param name="Deviation">Standard deviation of each colour, positive.</param>
public sealed record Normalisation(RgbTriple Mean, RgbTriple Deviation)
{
    /// <summary>The usual figures of ImageNet.</summary>
    public static Normalisation ImageNet { get; } = new(new(0.485f, 0.456f, 0.406f), new(0.229f, 0.224f, 0.225f));

    /// <summary>The same as input = scale · byte + shift.</summary>
    internal (RgbTriple Scale, RgbTriple Shift) Affine => (
        new(1 / (255 * Deviation.Red), 1 / (255 * Deviation.Green), 1 / (255 * Deviation.Blue)),
        new(-Mean.Red / Deviation.Red, -Mean.Green / Deviation.Green, -Mean.Blue / Deviation.Blue));
}

/// <summary>One number for each colour.</summary>
public readonly record struct RgbTriple(float Red, float Green, float Blue);
