using System.Collections.Immutable;

namespace Riffle.Networks;

/// <summary>A square convolution. <paramref name="Groups"/> equal to the channels is depthwise, <paramref name="Kernel"/> 1 is pointwise.</summary>
/// <param name="OutputChannels">Channels out, a multiple of <paramref name="Groups"/>.</param>
/// <param name="Kernel">Height and width of the kernel.</param>
/// <param name="Stride">Step in both directions.</param>
/// <param name="Padding">Zeros added around the image.</param>
/// <param name="Groups">Number of groups; each output channel sees C/groups input channels.</param>
/// <param name="HasBias">Whether it adds a trained number to each output channel.</param>
public sealed partial record Convolution(int OutputChannels, int Kernel, int Stride, Padding Padding, int Groups, bool HasBias = false) : Operation
{
    /// <inheritdoc/>
    public override string Name => "convolution";

    /// <inheritdoc/>
    public override (int? Kernel, int? Stride, int? Groups) Settings => (Kernel, Stride, Groups);

    internal override LayerCaption CaptionFor(Shape input) => IsDepthwise(input.Channels)
        ? LayerCaption.Window(LayerLook.Depthwise, $"{Kernel}×{Kernel} depthwise convolution", Stride)
        : Groups == 1
            ? LayerCaption.Window(LayerLook.Product, $"{Kernel}×{Kernel} convolution", Stride)
            : LayerCaption.Window(LayerLook.Product, $"{Kernel}×{Kernel} group convolution", Stride, $"{Groups} groups");

    /// <summary>Each output channel reads those of its group.</summary>
    internal override IEnumerable<int> SourcesOf(int channel, Shape input) =>
        Enumerable.Range(channel / (OutputChannels / Groups) * (input.Channels / Groups), input.Channels / Groups);

    internal override Shape ShapeOf(string name, ReadOnlySpan<Shape> inputs)
    {
        var channels = inputs[0].Channels;
        Rules.Require(OutputChannels > 0 && Groups > 0 && channels % Groups == 0 && OutputChannels % Groups == 0,
            $"{name}: {Groups} groups do not divide {channels} input and {OutputChannels} output channels");
        var shape = Rules.Window(name, inputs[0], Kernel, Stride, Padding) with { Channels = OutputChannels };
        Rules.RequireCount(name, OutputChannels, channels / Groups, Kernel, Kernel);
        return shape;
    }

    internal override ImmutableArray<Parameter> ParametersOf(ReadOnlySpan<Shape> inputs)
    {
        var weight = new Parameter("weight", ParameterKind.Kernel, [OutputChannels, inputs[0].Channels / Groups, Kernel, Kernel]);
        return HasBias ? [weight, new("bias", ParameterKind.Bias, [OutputChannels])] : [weight];
    }

    /// <summary>Each output value is a sum of as many products as its kernel has weights.</summary>
    internal override long MacsOf(Layer layer) => layer.Output.Elements * (layer.Parameters[0].Count / OutputChannels);

    internal override (int Kernel, int Stride)? WindowOver(Shape input) => (Kernel, Stride);

    internal override Channel[] Lower(LoweredNetwork lowering, Layer layer, Channel[][] inputs) => lowering.AddStep(
        layer,
        IsDepthwise(inputs[0].Length) ? new Depthwise(Kernel, Stride, Padding) : new Product(Kernel, Stride, Padding, Groups),
        inputs);

    internal override VectorStep? OnVector(double[] input, Func<int, float[]> parameter) =>
        Kernel == 1 && Groups == 1 ? VectorStep.Product(input, parameter(0), HasBias ? parameter(1) : null) : null;

    private bool IsDepthwise(int inputChannels) => Groups == OutputChannels && Groups == inputChannels;
}
