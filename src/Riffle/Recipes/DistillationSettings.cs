using System.Text.Json.Serialization;

namespace Riffle.Recipes;

/// <summary>The weight and temperature of soft labels in the loss (distillation; Hinton, Vinyals and Dean, 2015).</summary>
/// <param name="Weight">Weight of the soft labels in the loss, from 0 to 1; the labels get the rest.</param>
/// <param name="Temperature">Divides the logits of both networks before they are compared; positive. At a high temperature all classes count, at a low one only the
/// likely ones.</param>
/// <param name="LastTemperature">The temperature at the end of training, reached along half a cosine; null: it stays the same.</param>
public sealed record DistillationSettings([property: JsonPropertyName("share")] double Weight = 0.9, double Temperature = 8, double? LastTemperature = null)
{
    /// <summary>The temperature at a point of the training.</summary>
    /// <param name="progress">From 0, the start, to 1, the end.</param>
    public double TemperatureAt(double progress) => LastTemperature is { } last
        ? last + ((Temperature - last) * Schedule.HalfCosine(progress, 1))
        : Temperature;
}
