using Riffle.Networks;

namespace Riffle.Execution;

/// <summary>A value of a compiled network: what one step writes, or the images.</summary>
/// <param name="name">The layer whose output it is.</param>
/// <param name="shape">Its shape for one image.</param>
/// <param name="layout">How it lies in memory.</param>
/// <param name="firstPlane">The number of its first channel's plane; the others follow.</param>
/// <param name="lanes">With channels in lanes, 16 · block + lane of each channel; else empty.</param>
internal sealed class CompiledValue(string name, Shape shape, Layout layout, int firstPlane, int[] lanes)
{
    public string Name { get; } = name;

    public Shape Shape { get; } = shape;

    public Layout Layout { get; } = layout;

    public int FirstPlane { get; } = firstPlane;

    public int[] Lanes { get; } = lanes;

    public int Channels => Shape.Channels;

    public int Positions => Shape.Height * Shape.Width;

    /// <summary>Planes, or with channels in lanes blocks of sixteen of them.</summary>
    public int Blocks { get; } = layout == Layout.ChannelsInLanes ? lanes.Max() / Simd.Lanes.Count + 1 : shape.Channels;

    /// <summary>Floats from one plane, or block of channels, to the next.</summary>
    public long Stride { get; set; }

    /// <summary>Floats that it takes.</summary>
    public long Size { get; set; }

    /// <summary>Its first float in the memory of a block of images.</summary>
    public long Offset { get; set; }

    /// <summary>In training, the first float of its gradient in the gradients of a block. Values that share another's gradient have none of their own.</summary>
    public long? GradientOffset { get; set; }

    /// <summary>The step that writes it; −1 for the images.</summary>
    public int FirstStep { get; set; } = -1;

    /// <summary>The last step that reads it.</summary>
    public int LastStep { get; set; } = -1;

    /// <summary>Where a channel's first position lies.</summary>
    public long OffsetOf(int channel) =>
        Layout == Layout.ChannelsInLanes
            ? Offset + Lanes[channel] / Simd.Lanes.Count * Stride + Lanes[channel] % Simd.Lanes.Count
            : Offset + channel * Stride;
}
