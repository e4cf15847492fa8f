namespace Riffle.Networks;

/// <summary>An operation on a value of 1×1 in double precision, and its gradient: what the layers between the last pool and the logits are made of.</summary>
/// <param name="Output">One number per channel.</param>
/// <param name="Back">Turns the gradient of a number with respect to the output into that with respect to the input.</param>
internal sealed record VectorStep(double[] Output, Func<double[], double[]> Back)
{
    /// <summary>A matrix product with a bias.</summary>
    /// <param name="input">C numbers.</param>
    /// <param name="matrix">K×C.</param>
    /// <param name="bias">K numbers; null: none.</param>
    public static VectorStep Product(double[] input, float[] matrix, float[]? bias)
    {
        var output = new double[matrix.Length / input.Length];
        for (var k = 0; k < output.Length; k++)
        {
            output[k] = bias?[k] ?? 0;
            for (var c = 0; c < input.Length; c++)
                output[k] += matrix[k * input.Length + c] * input[c];
        }

        return new(output, gradient =>
        {
            var result = new double[input.Length];
            for (var k = 0; k < gradient.Length; k++)
            {
                for (var c = 0; c < result.Length && gradient[k] != 0; c++)
                    result[c] += gradient[k] * matrix[k * result.Length + c];
            }

            return result;
        });
    }

    /// <summary>A function of each number by itself, and its slope there.</summary>
    public static VectorStep Each(double[] input, Func<int, double, (double Value, double Slope)> function)
    {
        var both = input.Select((x, c) => function(c, x)).ToArray();
        return new([.. both.Select(each => each.Value)], gradient => [.. gradient.Zip(both, (g, each) => g * each.Slope)]);
    }
}
