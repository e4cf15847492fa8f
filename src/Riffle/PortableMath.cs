namespace Riffle;

/// <summary>
/// Elementary functions from IEEE operations alone. Those of <see cref="Math"/> are the C library's and may differ in their last bit from system to system, and
/// what a training computes with them as well. Accurate to about 1e-15.
/// </summary>
internal static class PortableMath
{
    private const double Ln2 = 0.6931471805599453;

    /// <summary>Ln2 in two parts; the first has so few bits that its products with whole numbers are exact.</summary>
    private const double Ln2High = 0.693147180369123816490, Ln2Low = 1.90821492927058770002e-10;

    /// <summary>Natural logarithm of a positive number.</summary>
    public static double Log(double value)
    {
        // value = m·2^e with m in [sqrt(1/2), sqrt(2)); ln m = 2·artanh(z), z = (m − 1)/(m + 1), |z| < 0.172: the series' 11th term is below 1e-17.
        var e = Math.ILogB(value);
        var m = Math.ScaleB(value, -e);
        if (m > 1.4142135623730951)
            (m, e) = (m / 2, e + 1);
        var z = (m - 1) / (m + 1);
        var square = z * z;
        var sum = 0.0;
        for (var n = 21; n >= 1; n -= 2)
            sum = (sum * square) + (1.0 / n);
        return (e * Ln2) + (2 * z * sum);
    }

    /// <summary>eˣ.</summary>
    public static double Exp(double x)
    {
        // What is beyond is 0 or infinite.
        x = Math.Clamp(x, -800, 800);

        // x = k·ln 2 + r with |r| ≤ 0.347: the series' 15th term is below 1e-18.
        var k = Math.Round(x / Ln2);
        var r = x - (k * Ln2High) - (k * Ln2Low);
        var sum = 1.0;
        for (var n = 14; n >= 1; n--)
            sum = 1 + (sum * r / n);
        return Math.ScaleB(sum, (int)k);
    }

    /// <summary>A number to a whole power, at least 0, by squaring.</summary>
    public static double Pow(double value, long power)
    {
        var product = 1.0;
        for (; power > 0; power >>= 1, value *= value)
            product = (power & 1) == 0 ? product : product * value;
        return product;
    }

    /// <summary>A positive number to a power.</summary>
    public static double Pow(double value, double power) => Exp(power * Log(value));

    /// <summary>cos(π·x), for x from 0 to 1.</summary>
    public static double CosPi(double x)
    {
        if (x > 0.5)
            return -CosPi(1 - x);

        // |π·x| ≤ 1.571: the series' 14th term is below 1e-18.
        var square = Math.PI * x * (Math.PI * x);
        var sum = 1.0;
        for (var n = 26; n >= 2; n -= 2)
            sum = 1 - (sum * square / (n * (n - 1)));
        return sum;
    }
}
