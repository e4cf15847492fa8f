namespace Riffle.Recipes;

/// <summary>How a teacher's word counts, where a network is trained with one (Hinton, Vinyals and Dean, 2015).</summary>
/// <param name="Share">Share of the loss that follows the teacher instead of the labels, from 0 to 1.</param>
/// <param name="Temperature">What both networks' logits are divided by before they are compared; positive. With a high one all classes count, with a low one the
/// likely ones.</param>
/// <param name="LastTemperature">What it has become at the end of the training, along half a cosine; null: it stays the same.</param>
public sealed record DistillationLoss(double Share = 0.9, double Temperature = 8, double? LastTemperature = null)
{
    /// <summary>The temperature at a moment of the training.</summary>
    /// <param name="progress">From 0, the start, to 1, the end.</param>
    public double TemperatureAt(double progress) => LastTemperature is { } last
        ? last + ((Temperature - last) * Schedule.HalfCosine(progress, 1))
        : Temperature;
}
