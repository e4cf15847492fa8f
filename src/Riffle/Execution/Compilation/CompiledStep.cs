using Riffle.Networks;

namespace Riffle.Execution;

/// <summary>A step of a compiled network.</summary>
/// <param name="Source">The lowered step that it computes, or that needs it where it is a reorder.</param>
/// <param name="Primitive">What it computes.</param>
/// <param name="Inputs">For each input the planes of its channels.</param>
/// <param name="Input">The shape of its first input.</param>
/// <param name="Output">What it writes.</param>
/// <param name="Epilogue">What it does with each value before it is written.</param>
internal sealed record CompiledStep(LoweredStep Source, Primitive Primitive, int[][] Inputs, Shape Input, CompiledValue Output, Epilogue Epilogue)
{
    /// <summary>What messages call it.</summary>
    public string Name => Source.Name;

    /// <summary>In inference, the number of its stage; see <see cref="Stages"/>.</summary>
    public int Stage { get; set; }

    /// <summary>In inference, the step whose output is cut among threads as its own is: itself, or one before it in its stage.</summary>
    public int CutLike { get; set; }
}

/// <summary>
/// What a step does with each value before it is written: y = clamp(function(x + bias) + residual). A step has a function or a residual, not both.
/// </summary>
internal sealed record Epilogue
{
    /// <summary>Nothing.</summary>
    public static Epilogue None { get; } = new();

    /// <summary>Whether a number of each channel is added: a bias, or in inference what batch norm adds.</summary>
    public bool HasBias { get; init; }

    /// <summary>Whether Σy and Σy² are gathered for batch norm.</summary>
    public bool HasStatistics { get; init; }

    /// <summary>The planes of a value that is added, as at the end of a residual unit; null without.</summary>
    public int[]? Residual { get; init; }

    /// <summary>A smooth activation; null without.</summary>
    public ActivationKind? Function { get; init; }

    /// <summary>What values are cut off at.</summary>
    public (float Low, float High) Clamp { get; init; } = (float.NegativeInfinity, float.PositiveInfinity);
}
