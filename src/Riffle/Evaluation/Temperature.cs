namespace Riffle.Evaluation;

/// <summary>The temperature that makes a network as sure as it is right (Guo et al., "On Calibration of Modern Neural Networks", 2017).</summary>
internal static class Temperature
{
    private const double Least = 0.05, Most = 20;

    /// <summary>
    /// The temperature with the lowest loss. The loss is convex in its reciprocal, so its slope is halved in. A network that is right on all images would want
    /// the lowest temperature there is; the labels are therefore smoothed by the count of images (Platt, "Probabilistic outputs for support vector machines", 1999).
    /// </summary>
    /// <param name="logits">Images × classes; −∞ for a class that an image can't have.</param>
    /// <param name="labels">The class of each image.</param>
    /// <param name="classes">Number of classes.</param>
    public static double Fit(float[] logits, int[] labels, int classes)
    {
        const int Halvings = 24;
        var smoothing = 1.0 / (labels.Length + 2);
        var slopes = new double[labels.Length];
        double low = 1 / Most, high = 1 / Least;
        for (var i = 0; i < Halvings; i++)
        {
            var middle = Math.Sqrt(low * high);
            Parallel.For(0, labels.Length, n => slopes[n] = Slope(logits.AsSpan(n * classes, classes), labels[n], middle, smoothing));
            (low, high) = slopes.Sum() < 0 ? (middle, high) : (low, middle);
        }

        return Math.Round(1 / Math.Sqrt(low * high), 4);
    }

    /// <summary>The probabilities of an image's classes.</summary>
    public static void Softmax(ReadOnlySpan<float> logits, double temperature, Span<float> probabilities)
    {
        double highest = float.NegativeInfinity, sum = 0;
        foreach (var logit in logits)
            highest = Math.Max(highest, logit);
        foreach (var logit in logits)
            sum += PortableMath.Exp((logit - highest) / temperature);
        for (var c = 0; c < logits.Length; c++)
            probabilities[c] = (float)(PortableMath.Exp((logits[c] - highest) / temperature) / sum);
    }

    /// <summary>The derivative of an image's loss with respect to the factor of its logits: their mean by the probabilities, less that by the label.</summary>
    private static double Slope(ReadOnlySpan<float> logits, int label, double factor, double smoothing)
    {
        double highest = float.NegativeInfinity, sum = 0, weighted = 0, others = 0;
        var possible = 0;
        foreach (var logit in logits)
            highest = Math.Max(highest, logit);
        foreach (var logit in logits)
        {
            if (float.IsNegativeInfinity(logit))
                continue;
            var share = PortableMath.Exp(factor * (logit - highest));
            sum += share;
            weighted += share * logit;
            others += logit;
            possible++;
        }

        var own = logits[label];
        return float.IsNegativeInfinity(own) ? 0 : (weighted / sum) - ((1 - smoothing) * own) - (smoothing * (others - own) / Math.Max(1, possible - 1));
    }
}
