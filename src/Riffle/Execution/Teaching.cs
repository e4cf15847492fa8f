namespace Riffle.Execution;

/// <summary>
/// What another network, the teacher, makes of a batch. Part of the loss then is the cross-entropy with its probabilities instead of the labels, both networks'
/// logits divided by a temperature, times the temperature's square (Hinton, Vinyals and Dean, 2015).
/// </summary>
/// <param name="logits">Images×classes, in the order of the batch.</param>
/// <param name="share">Of the loss, from 0 to 1; the rest follows the labels.</param>
/// <param name="temperature">Positive; above 1 it makes small probabilities count for more.</param>
public readonly ref struct Teaching(ReadOnlySpan<float> logits, float share, float temperature)
{
    /// <summary>Images×classes; empty where there is no teacher.</summary>
    public ReadOnlySpan<float> Logits { get; } = logits;

    /// <summary>Share of the loss that follows the teacher.</summary>
    public float Share => share;

    /// <summary>What logits are divided by.</summary>
    public float Temperature => temperature;

    /// <exception cref="ArgumentException">Something does not fit.</exception>
    internal void Check(int images, int classes)
    {
        if (Logits.IsEmpty)
            return;
        if (Logits.Length < (long)images * classes)
            throw new ArgumentException($"a teacher's {Logits.Length} logits; {images} images of {classes} classes have {(long)images * classes}");
        if (share is not (>= 0 and <= 1))
            throw new ArgumentException($"a teacher's share of {share} is not from 0 to 1");
        if (temperature is not (> 0 and < float.PositiveInfinity))
            throw new ArgumentException($"a temperature of {temperature} is not above 0");
    }
}
