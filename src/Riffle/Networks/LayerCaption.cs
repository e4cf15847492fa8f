namespace Riffle.Networks;

/// <summary>What a layer is in a drawing of its network.</summary>
internal enum LayerLook
{
    /// <summary>The images.</summary>
    Input,

    /// <summary>A sum of products over channels.</summary>
    Product,

    /// <summary>A window over each channel by itself.</summary>
    Depthwise,

    /// <summary>A pool.</summary>
    Pool,

    /// <summary>The same values in another order.</summary>
    Order,

    /// <summary>Some of the channels. All parts of a value are drawn as one.</summary>
    Part,

    /// <summary>Two values become one.</summary>
    Joint,

    /// <summary>A function of each value by itself, which is drawn with the layer that it follows.</summary>
    Function,
}

/// <summary>How a layer is drawn.</summary>
/// <param name="Look">What it is.</param>
/// <param name="Title">What it does, for a person.</param>
/// <param name="Settings">Its stride and groups where they are not 1.</param>
internal sealed record LayerCaption(LayerLook Look, string Title, params string[] Settings)
{
    /// <summary>With a stride, which is told where it is not 1.</summary>
    public static LayerCaption Window(LayerLook look, string title, int stride, params string[] settings) =>
        new(look, title, stride == 1 ? settings : [.. settings, $"stride {stride}"]);
}
