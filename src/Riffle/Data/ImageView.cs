namespace Riffle.Data;

/// <summary>What a network sees of an image.</summary>
/// <param name="ImageSize">Height and width of its input.</param>
/// <param name="IsWhole">Whether it sees images to their edge.</param>
/// <param name="Fit">How an image becomes a square.</param>
internal readonly record struct ImageView(int ImageSize, bool IsWhole, FitKind Fit)
{
    /// <summary>The side of the square that an image is decoded for.</summary>
    public int DecodingSide => Fit == FitKind.Crop ? ImageFit.StoredSide(ImageSize) : ImageSize;

    /// <summary>Its share of the square that an image is made to.</summary>
    public double Share => (double)ImageSize / ImageFit.SideForInference(ImageSize, IsWhole);

    /// <summary>The pixels, ImageSize × ImageSize × 3 bytes.</summary>
    public byte[] Of(RgbImage image) => ImageFit.ForInference(image, ImageSize, IsWhole, Fit);
}
