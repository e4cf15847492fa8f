using System.Text.RegularExpressions;
using FsCheck;
using FsCheck.Fluent;

namespace Riffle.Tests;

public partial class PortableMathTests
{
    private static readonly Arbitrary<double> Unit = Gen.Choose(1, int.MaxValue).Select(i => i / (double)int.MaxValue).ToArbitrary();

    [Fact]
    public void The_logarithm() => Holds(x => (PortableMath.Log(x), Math.Log(x), 4e-16));

    [Fact]
    public void The_exponential() => Holds(x => (PortableMath.Exp(1400 * (x - 0.5)) / Math.Exp(1400 * (x - 0.5)), 1, 2e-15));

    [Fact]
    public void The_cosine() => Holds(x => (PortableMath.CosPi(x), double.CosPi(x), 4e-16));

    [Fact]
    public void A_power() => Holds(x => (PortableMath.Pow(4.0 / 3, x - 0.5), Math.Pow(4.0 / 3, x - 0.5), 1e-15));

    [Theory]
    [InlineData(double.NegativeInfinity, 0)]
    [InlineData(-1e30, 0)]
    [InlineData(0, 1)]
    [InlineData(1e30, double.PositiveInfinity)]
    public void The_exponential_has_ends(double x, double expected) => Assert.Equal(expected, PortableMath.Exp(x));

    [Theory]
    [InlineData(0.1, 0, 1)]
    [InlineData(0.1, 1, 0.1)]
    [InlineData(0.5, 10, 1.0 / 1024)]
    [InlineData(0.999, 1_000_000, 0)]
    public void A_whole_power(double value, long power, double expected) => Assert.Equal(expected, PortableMath.Pow(value, power), 1e-300);

    [Fact]
    public void No_C_library_has_a_say_in_what_a_training_computes()
    {
        string[] folders = ["Simd", "Kernels", "Training", "Recipes", "Data", "Execution"];
        var library = Path.Combine(Cli.Shell.Root, "src", "Riffle");
        var wrong =
            from folder in folders
            from file in Directory.GetFiles(Path.Combine(library, folder), "*.cs", SearchOption.AllDirectories)
            where Path.GetFileName(file) != "DemoImages.cs"
            from line in File.ReadLines(file)
            where LibraryCall().IsMatch(line)
            select $"{Path.GetFileName(file)}: {line.Trim()}";
        Assert.Empty(wrong);
    }

    [GeneratedRegex(@"\bMathF?\.(Exp|Log|Log2|Log10|Pow|Cos|Sin|Tan|Tanh|Cbrt|Atan2?)\(")]
    private static partial Regex LibraryCall();

    private static void Holds(Func<double, (double Actual, double Expected, double Tolerance)> of) =>
        Prop.ForAll(Unit, x => of(x) is var (actual, expected, tolerance) && Math.Abs(actual - expected) <= tolerance * Math.Max(1, Math.Abs(expected)))
            .QuickCheckThrowOnFailure();
}
