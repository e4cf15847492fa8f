namespace Riffle.Networks;

/// <summary>What the shape rules of several operators have in common. Each throws <see cref="ArgumentException"/> where it is broken.</summary>
internal static class Rules
{
    public static void Require(bool condition, string message)
    {
        if (!condition)
            throw new ArgumentException(message);
    }

    /// <summary>A plane can be counted, sixteen of them side by side included.</summary>
    public static void RequirePlane(string name, int height, int width) => Require(
        height <= NetworkBuilder.MaximumSide && width <= NetworkBuilder.MaximumSide && (long)height * width <= NetworkBuilder.MaximumPositions,
        $"{name}: {height}×{width} positions; at most {NetworkBuilder.MaximumSide:N0} in a side and {NetworkBuilder.MaximumPositions:N0} in all can be");

    /// <summary>A kernel's values can be counted.</summary>
    public static void RequireCount(string name, params ReadOnlySpan<int> shape)
    {
        var count = 1.0;
        foreach (var length in shape)
            count *= length;
        Require(count <= int.MaxValue, $"{name}: a kernel of {count:N0} values; at most {int.MaxValue:N0} can be");
    }

    /// <summary>The output shape of a k×k window: ⌊(H + top + bottom − k) / stride⌋ + 1, and the same for W.</summary>
    public static Shape Window(string name, Shape input, int kernel, int stride, Padding padding)
    {
        Require(kernel > 0 && stride > 0, $"{name}: kernel {kernel} and stride {stride} must be positive");
        Require(
            kernel <= NetworkBuilder.MaximumSide && stride <= NetworkBuilder.MaximumSide,
            $"{name}: kernel {kernel} and stride {stride}; at most {NetworkBuilder.MaximumSide:N0} can be");
        var (top, left, bottom, right) = padding;
        int[] sides = [top, left, bottom, right];
        Require(sides.All(side => side >= 0 && side < kernel), $"{name}: padding {top}, {left}, {bottom}, {right} is not below the kernel {kernel}");
        var (height, width) = (input.Height + top + bottom, input.Width + left + right);
        RequirePlane(name, height, width);
        Require(height >= kernel && width >= kernel, $"{name}: {input} is smaller than the {kernel}×{kernel} kernel");
        return new Shape(input.Channels, (height - kernel) / stride + 1, (width - kernel) / stride + 1);
    }
}
