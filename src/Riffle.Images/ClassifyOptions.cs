using Riffle.Images;

namespace Riffle;

/// <summary>How an image file is classified.</summary>
public sealed record ClassifyOptions
{
    /// <summary>The maximum number of predictions, at least 1.</summary>
    public int Top { get; init; } = 5;

    /// <summary>The name of an image without a file, for error messages.</summary>
    public string Name { get; init; } = "image";

    /// <summary>The most pixels that an image may have, up to 200 million. One that claims more is refused by its header, before memory is taken for it.</summary>
    public long MaxPixels { get; init; } = ImageDecoder.MaxPixels;
}
