namespace Riffle.Execution;

/// <summary>
/// The logits of another network, the teacher, for a batch. Part of the loss is then the cross-entropy with its probabilities instead of the labels, both networks'
/// logits divided by a temperature, times the temperature's square (Hinton, Vinyals and Dean, 2015).
/// </summary>
/// <param name="logits">Images×classes, in the order of the batch.</param>
/// <param name="weight">The weight of the cross-entropy with the teacher in the loss, from 0 to 1; the labels get the rest.</param>
/// <param name="temperature">Positive; above 1 it makes small probabilities count for more.</param>
public readonly ref struct DistillationTargets(ReadOnlySpan<float> logits, float weight, float temperature)
{
    /// <summary>Images×classes; empty where there is no teacher.</summary>
    public ReadOnlySpan<float> Logits { get; } = logits;

    /// <summary>The weight of the cross-entropy with the teacher in the loss.</summary>
    public float Weight => weight;

    /// <summary>Divides the logits of both networks.</summary>
    public float Temperature => temperature;

    /// <exception cref="ArgumentException">Something does not fit.</exception>
    internal void Check(int images, int classes)
    {
        if (Logits.IsEmpty)
            return;
        if (Logits.Length < (long)images * classes)
            throw new ArgumentException($"a teacher's {Logits.Length} logits; {images} images of {classes} classes have {(long)images * classes}");
        if (weight is not (>= 0 and <= 1))
            throw new ArgumentException($"a distillation weight of {weight} is not from 0 to 1");
        if (temperature is not (> 0 and < float.PositiveInfinity))
            throw new ArgumentException($"a temperature of {temperature} is not above 0");
    }
}
