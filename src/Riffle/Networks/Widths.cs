namespace Riffle.Networks;

/// <summary>How MobileNet v2 and v3 round their widths, as TensorFlow's and torchvision's code has it.</summary>
internal static class Widths
{
    private const int Divisor = 8;

    /// <summary>A width times a scale, divisible by 8.</summary>
    public static int Scaled(int width, double scale) => Divisible(width * scale);

    /// <summary>The nearest multiple of 8, at least 8, and never more than a tenth below.</summary>
    public static int Divisible(double width)
    {
        var rounded = Math.Max(Divisor, (int)(width + Divisor / 2) / Divisor * Divisor);
        return rounded < 0.9 * width ? rounded + Divisor : rounded;
    }
}
