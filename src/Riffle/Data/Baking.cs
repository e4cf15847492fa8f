namespace Riffle.Data;

/// <summary>
/// Augments training images ahead of training, as the ShuffleNet study did: crop, flip, brightness, contrast, saturation and hue as
/// <see cref="Augmentation.Full"/> has them, scaled and stored as JPEG. Validation images are only scaled.
/// </summary>
internal static class Baking
{
    /// <summary>JPEG quality of the stored images: high, as most sources have been compressed once before.</summary>
    public const int Quality = 95;

    /// <summary>The bytes of all copies of a training image. They depend only on the seed, the name and the number of the copy.</summary>
    public static byte[][] Copies(IImageCodec codec, RgbImage image, string name, int copies, int size, ulong seed)
    {
        var side = ImageFit.StoredSide(size);
        var stored = new byte[side * side * 3];
        ImageFit.FitSquare(image, side, stored);

        // Crops are scaled, as validation images are. Others are sharper than these, and a network that has seen nothing else knows far fewer of them (docs/experiments.md).
        var changes = Augmentation.Full with { SmallestArea = size * size / (float)(side * side) };
        var stream = PreparationPlan.Hash(seed, "bake", name);
        var encoded = new byte[copies][];
        for (var copy = 0; copy < copies; copy++)
        {
            var random = Random64.Create(seed, stream, (ulong)copy);
            var pixels = new byte[size * size * 3];
            changes.Apply(stored, side, size, ref random, pixels);
            encoded[copy] = codec.EncodeJpeg(new RgbImage(size, size, pixels), Quality);
        }

        return encoded;
    }

    /// <summary>The bytes of a validation image: the whole image, scaled.</summary>
    public static byte[] Whole(IImageCodec codec, RgbImage image, int size) =>
        codec.EncodeJpeg(new RgbImage(size, size, ImageFit.ForInference(image, size, isWhole: true)), Quality);
}
