namespace Riffle.Execution;

/// <summary>How a value lies in the memory of a block of images. P is height × width.</summary>
public enum Layout
{
    /// <summary>[C][P][16]: sixteen images side by side, in training and for the full blocks of a batch.</summary>
    ImagesInLanes,

    /// <summary>[C][P]: the planes of one image.</summary>
    Planes,

    /// <summary>[C/16][P][16]: sixteen channels of one image side by side, where its planes are small; known as nChw16c.</summary>
    ChannelsInLanes,
}
