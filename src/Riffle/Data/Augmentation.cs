using System.Text.Json.Serialization;

namespace Riffle.Data;

/// <summary>
/// Random changes of a training image, each with its own switch. Brightness, contrast and saturation are torchvision's; hue rotates the colours in YIQ. Nothing
/// is rounded between the four, so their order doesn't matter; see <see cref="ColourJitter"/> for the formula.
/// </summary>
public sealed record Augmentation
{
    /// <summary>The maximum aspect ratio of a resized crop, in either direction.</summary>
    private const double MostAspect = 4 / 3.0;

    /// <summary>Cut the square out at a random place of the stored image instead of its centre.</summary>
    public bool RandomCrop { get; init; }

    /// <summary>
    /// a: random resized crops cover a share of the stored image's area in [a, 1], with an aspect ratio of up to 4:3 in either direction (Szegedy et al., 2015, as
    /// torchvision's RandomResizedCrop). From above 0 to 1; 0 (off): crops are not resized.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public float SmallestArea { get; init => field = Checked(value, FractionLimits, nameof(SmallestArea)); }

    /// <summary>
    /// With <see cref="SmallestArea"/>: the share of the random crops that are not resized, and so as sharp as validation images. From 0 to 1.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public float SharpShare { get; init => field = Checked(value, FractionLimits, nameof(SharpShare)); }

    /// <summary>Mirror images left to right, with probability 1/2.</summary>
    public bool Flip { get; init; }

    /// <summary>b: the image is multiplied by a factor in [1 − b, 1 + b]. From 0 (off) to 1.</summary>
    public float Brightness { get; init => field = Checked(value, FractionLimits, nameof(Brightness)); }

    /// <summary>c: the distance from the image's mean grey is multiplied by a factor in [1 − c, 1 + c]. From 0 (off) to 1.</summary>
    public float Contrast { get; init => field = Checked(value, FractionLimits, nameof(Contrast)); }

    /// <summary>s: the distance of each pixel from its own grey is multiplied by a factor in [1 − s, 1 + s]. From 0 (off) to 1.</summary>
    public float Saturation { get; init => field = Checked(value, FractionLimits, nameof(Saturation)); }

    /// <summary>h: the hue is rotated by up to h of a full turn in either direction. From 0 (off) to 0.5.</summary>
    public float Hue { get; init => field = Checked(value, HueLimits, nameof(Hue)); }

    /// <summary>The range of <see cref="Hue"/>.</summary>
    public static Limits<float> HueLimits { get; } = new(0, 0.5f);

    /// <summary>The range of all other shares.</summary>
    public static Limits<float> FractionLimits { get; } = new(0, 1);

    /// <summary>The centre crop, unchanged.</summary>
    public static Augmentation None { get; } = new();

    /// <summary>Random crop and flip.</summary>
    public static Augmentation CropAndFlip { get; } = new() { RandomCrop = true, Flip = true };

    /// <summary>Random crop, flip, brightness, contrast and saturation by up to 20 %, hue by up to a twentieth of a turn.</summary>
    public static Augmentation Full { get; } = CropAndFlip with { Brightness = 0.2f, Contrast = 0.2f, Saturation = 0.2f, Hue = 0.05f };

    /// <summary>Refuses values that have no effect because another value disables them.</summary>
    /// <exception cref="ArgumentException">A value is not allowed; the message names it.</exception>
    public void Check()
    {
        if (SmallestArea > 0 && !RandomCrop)
            throw new ArgumentException("SmallestArea requires RandomCrop.");
        if (SharpShare > 0 && SmallestArea == 0)
            throw new ArgumentException("SharpShare requires SmallestArea; without it no crop is resized.");
    }

    /// <summary>Cuts a square out of a stored image and changes it. Allocates nothing.</summary>
    /// <param name="stored">side × side × 3 bytes, red first.</param>
    /// <param name="side">Side of the stored image.</param>
    /// <param name="size">Side of the square to cut, at most <paramref name="side"/>.</param>
    /// <param name="random">The random numbers. Their count does not depend on the switches, so that a switch changes only its own effect.</param>
    /// <param name="destination">Receives size × size × 3 bytes.</param>
    /// <param name="mirrored">Invert the decision to mirror.</param>
    /// <exception cref="ArgumentException">The sizes don't fit each other.</exception>
    internal void Apply(ReadOnlySpan<byte> stored, int side, int size, ref Random64 random, Span<byte> destination, bool mirrored = false)
    {
        ImageFit.CheckSizes(stored.Length, side, size, destination.Length);
        var (left, top) = (random.NextFloat(), random.NextFloat());
        mirrored ^= random.NextFloat() < 0.5f && Flip;
        var (brightness, contrast, saturation, hue) = (Signed(ref random), Signed(ref random), Signed(ref random), Signed(ref random));
        var (area, aspect) = (random.NextFloat(), Signed(ref random));
        var sharp = random.NextFloat() < SharpShare;

        var (width, height) = RandomCrop && SmallestArea > 0 && !sharp ? CropSize(side, area, aspect) : (size, size);
        var (x, y) = RandomCrop
            ? ((int)(left * (side - width + 1)), (int)(top * (side - height + 1)))
            : ((int)ImageFit.CentreOffset(side, width), (int)ImageFit.CentreOffset(side, height));
        Crop.Scaled(stored, side, x, y, width, height, size, mirrored, destination);
        ColourJitter.Apply(destination, 1 + (Brightness * brightness), 1 + (Contrast * contrast), 1 + (Saturation * saturation), Hue * hue);
    }

    /// <summary>Width and height of a crop of a given area; a side that does not fit is shortened.</summary>
    /// <param name="side">Side of the stored image.</param>
    /// <param name="area">From 0, the smallest share, to 1, the whole.</param>
    /// <param name="aspect">From -1, a third higher than wide, to 1, a third wider than high.</param>
    private (int Width, int Height) CropSize(int side, float area, float aspect)
    {
        var edge = side * Math.Sqrt(SmallestArea + ((1.0 - SmallestArea) * area));
        var stretch = PortableMath.Pow(MostAspect, aspect / 2.0);
        return (Within(edge * stretch), Within(edge / stretch));

        int Within(double length) => Math.Clamp((int)Math.Round(length), 1, side);
    }

    private static float Signed(ref Random64 random) => (2 * random.NextFloat()) - 1;

    private static float Checked(float value, Limits<float> limits, string name) => limits.Contain(value)
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} must be {limits}.");
}
