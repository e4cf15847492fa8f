namespace Riffle.Networks;

/// <summary>
/// What a lowered step computes. All operators are lowered to these few, and the two back ends, training and inference, have a kernel for each. What comes after
/// it (batch norm, a clamp) belongs to the value that it writes.
/// </summary>
internal abstract record Primitive
{
    /// <summary>The window that slides over the input: 1×1 for what has none.</summary>
    public virtual (int Kernel, int Stride, Padding Padding) Window => (1, 1, default);

    /// <summary>What a listing of steps calls it.</summary>
    public abstract string Text { get; }
}

/// <summary>A primitive with a k×k window.</summary>
internal abstract record WindowPrimitive(int Kernel, int Stride, Padding Padding) : Primitive
{
    public override (int Kernel, int Stride, Padding Padding) Window => (Kernel, Stride, Padding);

    /// <summary>For example <c>3×3/2</c>, with a stride of 2.</summary>
    protected string Size => Stride == 1 ? $"{Kernel}×{Kernel}" : $"{Kernel}×{Kernel}/{Stride}";
}

/// <summary>A matrix product over the channels of a group and the positions of a window: a convolution, or a fully connected layer.</summary>
internal sealed record Product(int Kernel, int Stride, Padding Padding, int Groups) : WindowPrimitive(Kernel, Stride, Padding)
{
    /// <summary>Whether each position is a product of its own.</summary>
    public bool IsPointwise => Kernel == 1 && Stride == 1;

    public override string Text => (IsPointwise ? "pointwise" : $"convolution {Size}") + (Groups > 1 ? $", {Groups} groups" : "");
}

/// <summary>Each channel is a sum over a window of its own.</summary>
internal sealed record Depthwise(int Kernel, int Stride, Padding Padding) : WindowPrimitive(Kernel, Stride, Padding)
{
    public override string Text => $"depthwise {Size}";
}

/// <summary>The largest value of a window, of those within the image.</summary>
internal sealed record MaxWindow(int Kernel, int Stride, Padding Padding) : WindowPrimitive(Kernel, Stride, Padding)
{
    public override string Text => $"max pool {Size}";
}

/// <summary>The mean of a window.</summary>
/// <param name="Kernel">Its height and width.</param>
/// <param name="Stride">Its step.</param>
/// <param name="Padding">The positions added around the image.</param>
/// <param name="CountsPadding">Whether padding counts as zeros.</param>
internal sealed record MeanWindow(int Kernel, int Stride, Padding Padding, bool CountsPadding) : WindowPrimitive(Kernel, Stride, Padding)
{
    public override string Text => $"average pool {Size}";
}

/// <summary>The mean of all positions.</summary>
internal sealed record Mean : Primitive
{
    public override string Text => "global average pool";
}

/// <summary>The sum of two values.</summary>
internal sealed record Sum : Primitive
{
    public override string Text => "add";
}

/// <summary>A smooth function of each value by itself.</summary>
internal sealed record Function(ActivationKind Kind) : Primitive
{
    public override string Text => new Activation(Kind).Name;
}

/// <summary>The first input, each channel multiplied by the one value that the second input has for it.</summary>
internal sealed record ChannelScale : Primitive
{
    public override string Text => "scale";
}

/// <summary>Planes brought into another layout. No operator is lowered to it: compiling a network puts it where layouts meet.</summary>
internal sealed record Reorder : Primitive
{
    public override string Text => "reorder";
}

/// <summary>What reads the logits: in training the loss.</summary>
internal sealed record Logits : Primitive
{
    public override string Text => "logits";
}
