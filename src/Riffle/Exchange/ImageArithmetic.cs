using System.Collections.Immutable;
using System.Globalization;
using Riffle.Networks;

namespace Riffle.Exchange;

/// <summary>One colour of the images after a graph's arithmetic: scale · given + shift.</summary>
/// <param name="Index">0 is red, 1 green, 2 blue.</param>
/// <param name="Scale">The factor.</param>
/// <param name="Shift">The summand.</param>
internal readonly record struct Colour(int Index, double Scale, double Shift);

/// <summary>A colour that a graph holds between two bounds, before or between its arithmetic.</summary>
internal readonly record struct HeldColour(Colour Colour, double Least, double Most, OnnxOperation By);

/// <summary>What a graph may take for images. Its values are scale · byte + shift.</summary>
/// <param name="Text">As it is said to a person.</param>
/// <param name="Affine">Scale and shift for each colour.</param>
internal sealed record ImageValues(string Text, (RgbTriple Scale, RgbTriple Shift) Affine)
{
    public static readonly ImageValues Pixels = new("0 to 255", (new(1, 1, 1), default));
    public static readonly ImageValues Unit = new("0 to 1", (new(1 / 255f, 1 / 255f, 1 / 255f), default));
    public static readonly ImageValues Symmetric = new("-1 to 1", (new(2 / 255f, 2 / 255f, 2 / 255f), new(-1, -1, -1)));
    public static readonly ImageValues ImageNet = new("normalised by ImageNet's mean and deviation", Normalisation.ImageNet.Affine);

    public double ScaleOf(int colour) => Of(Affine.Scale, colour);

    public double ShiftOf(int colour) => Of(Affine.Shift, colour);

    public static double Of(RgbTriple triple, int colour) => colour switch { 0 => triple.Red, 1 => triple.Green, _ => triple.Blue };
}

/// <summary>
/// What a graph computes on its images before its first layer. Which images it takes is told by that alone: a graph which subtracts 0.485 and divides by 0.229
/// takes values from 0 to 1, one which divides by 255 takes pixels. Where it is not plain, nothing is assumed.
/// </summary>
/// <param name="Colours">What the first layers read, red first; null for a colour that none reads.</param>
/// <param name="Held">Bounds on the way there.</param>
/// <param name="First">The first node that computes something; null where there is none.</param>
/// <param name="Doubtful">A node that leaves all of this in doubt: a batch norm that was trained, or arithmetic behind a pool. Null where there is none.</param>
internal sealed record ImageArithmetic(ImmutableArray<Colour?> Colours, ImmutableArray<HeldColour> Held, OnnxOperation? First, OnnxOperation? Doubtful)
{
    /// <summary>The usual deviations of images whose values are from 0 to 1, those of a single colour or data set among them.</summary>
    private static readonly (double Least, double Most) UsualDeviation = (0.15, 0.6);

    private static readonly (double Least, double Most) UsualMean = (0.1, 0.9);

    /// <summary>Whether the graph takes its images as they are.</summary>
    public bool IsNone => IsIdentity && Held.IsEmpty && Doubtful is null;

    /// <summary>Whether what the first layers read is what the graph is given, or a part of it.</summary>
    public bool IsIdentity => !Colours.Any(colour => colour is { } known && (known.Scale, known.Shift) != (1, 0));

    /// <summary>The images that the graph takes; null where its arithmetic does not tell.</summary>
    public ImageValues? Recognise()
    {
        if (Doubtful is not null)
            return null;
        ImageValues[] possible = [.. ((ImageValues[])[ImageValues.Pixels, ImageValues.Unit, ImageValues.Symmetric, ImageValues.ImageNet]).Where(Fits)];
        return possible is [var only] ? only : null;
    }

    /// <summary>A bound that values of some kind would not keep; null where they keep all of them, so that holding them changes nothing.</summary>
    public HeldColour? Broken((RgbTriple Scale, RgbTriple Shift) given)
    {
        foreach (var held in Held)
        {
            var (scale, shift) = (ImageValues.Of(given.Scale, held.Colour.Index), ImageValues.Of(given.Shift, held.Colour.Index));
            var (black, white) = (held.Colour.Scale * shift + held.Colour.Shift, held.Colour.Scale * (255 * scale + shift) + held.Colour.Shift);
            var room = 1e-5 * Math.Max(Math.Abs(black), Math.Abs(white));
            if (!(held.Least <= Math.Min(black, white) + room && held.Most >= Math.Max(black, white) - room))
                return held;
        }

        return null;
    }

    /// <summary>The arithmetic as a normalisation of what the graph takes: (given − mean) / deviation.</summary>
    public string Describe()
    {
        string Numbers(Func<Colour, double> number)
        {
            string[] texts = [.. Colours.OfType<Colour>().Select(colour => ((float)number(colour)).ToString("G6", CultureInfo.InvariantCulture))];
            return texts.Distinct().Count() == 1 ? texts[0] : string.Join(", ", texts);
        }

        return $"mean {Numbers(colour => Zero(-colour.Shift / colour.Scale))}; deviation {Numbers(colour => 1 / colour.Scale)}";

        static double Zero(double value) => value == 0 ? 0 : value; // no −0
    }

    /// <summary>What the first layers read, computed from bytes: the arithmetic upon that of the caller.</summary>
    /// <param name="given">What the graph is given = scale · byte + shift.</param>
    public Normalisation After((RgbTriple Scale, RgbTriple Shift) given)
    {
        (float Mean, float Deviation) Of(int index)
        {
            // A colour that nothing reads is whatever it is given as.
            var (_, s, t) = Colours[index] ?? new Colour(index, 1, 0);
            var deviation = 1 / (255.0 * s * ImageValues.Of(given.Scale, index));
            return ((float)(-(s * ImageValues.Of(given.Shift, index) + t) * deviation), (float)deviation);
        }

        var (red, green, blue) = (Of(0), Of(1), Of(2));
        return new(new(red.Mean, green.Mean, blue.Mean), new(red.Deviation, green.Deviation, blue.Deviation));
    }

    /// <summary>Whether images of a kind come out of the arithmetic as networks are usually given them.</summary>
    private bool Fits(ImageValues kind)
    {
        // Where there is nothing but bounds, they tell the kind themselves: they are its own.
        if (IsIdentity)
        {
            return kind != ImageValues.ImageNet && Held.Length > 0 && Held.All(held =>
                Near(held.Least, kind.ShiftOf(held.Colour.Index)) && Near(held.Most, 255 * kind.ScaleOf(held.Colour.Index) + kind.ShiftOf(held.Colour.Index)));
        }

        return Colours.All(colour => colour is not { } known || Fits(kind, known)) && Broken(kind.Affine) is null;
    }

    private static bool Fits(ImageValues kind, Colour colour)
    {
        // (p − mean) / deviation of images from 0 to 1; what turns them into negatives of themselves is seen as of the negatives.
        var scale = colour.Scale * kind.ScaleOf(colour.Index) * 255;
        var (mean, deviation) = (-(colour.Scale * kind.ShiftOf(colour.Index) + colour.Shift) / scale, 1 / Math.Abs(scale));
        if (scale < 0)
            mean = 1 - mean;
        var isUsualMean = mean >= UsualMean.Least && mean <= UsualMean.Most;
        var isUsualDeviation = deviation >= UsualDeviation.Least && deviation <= UsualDeviation.Most;
        var (startsAtZero, keepsUnit, givesPixels) = (Math.Abs(mean) < 0.005, Near(deviation, 1), Near(deviation, 1 / 255.0));
        if (kind == ImageValues.Pixels)
            return (startsAtZero || isUsualMean) && (isUsualDeviation || keepsUnit || (givesPixels && !startsAtZero));
        if (kind == ImageValues.Unit)
        {
            return (isUsualMean && (isUsualDeviation || keepsUnit)) || (startsAtZero && keepsUnit && scale < 0)
                || (givesPixels && (startsAtZero || isUsualMean));
        }

        // Values around zero already: only what brings them to one of the usual kinds exactly is plain.
        var isHalf = Near(mean, 0.5) && Near(deviation, 0.5);
        var isImageNet = Near(mean, ImageValues.Of(Normalisation.ImageNet.Mean, colour.Index))
            && Near(deviation, ImageValues.Of(Normalisation.ImageNet.Deviation, colour.Index));
        return (startsAtZero && (keepsUnit || givesPixels)) || (givesPixels && isUsualMean) || (kind == ImageValues.Symmetric ? isImageNet : isHalf);
    }

    private static bool Near(double value, double expected) => Math.Abs(value - expected) <= 0.01 * Math.Max(Math.Abs(expected), 0.001);
}
