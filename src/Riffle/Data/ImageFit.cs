using System.Buffers;

namespace Riffle.Data;

/// <summary>How an image of any size becomes a square of the network's size: torchvision's Resize and CenterCrop, with Pillow's antialiased bilinear
/// filter.</summary>
internal static class ImageFit
{
    /// <summary>The level of the ground beside a padded image. Mid grey is close to the mean of every normalisation, and so to zero; a ground that depended on
    /// the normalisation would be another one for each of several teachers.</summary>
    internal const byte Ground = 128;

    /// <summary>Side of the squares that a data set's images are kept as: an eighth of it is left to cut away, as 64 for 56 and 256 for 224.</summary>
    /// <param name="imageSize">Height and width of the network's input.</param>
    public static int StoredSide(int imageSize) => checked((int)Math.Round(imageSize * (8.0 / 7)));

    /// <summary>The same for the images of a data set: those that were baked to the network's size are kept unchanged, because there is nothing left to cut.
    /// Training and validation images are treated alike.</summary>
    internal static int StoredSide(int imageSize, DatasetInfo info) => info.Baking?.Size == imageSize ? imageSize : StoredSide(imageSize);

    /// <summary>The side that images are scaled to when a network is measured or used. Nothing is cut away where it was trained on baked images, as in the
    /// study, or on whole ones.</summary>
    internal static int SideForInference(int imageSize, bool isWhole) => isWhole ? imageSize : StoredSide(imageSize);

    /// <summary>The same for the images of a data set.</summary>
    internal static int SideForInference(int imageSize, bool isWhole, DatasetInfo info) => isWhole ? imageSize : StoredSide(imageSize, info);

    /// <summary>Makes a square of an image. One that is cropped and whose shorter side has the square's length is only cut.</summary>
    /// <param name="image">Any image of at least one pixel.</param>
    /// <param name="side">The height and width of the square, at least 1.</param>
    /// <param name="destination">Receives side × side × 3 bytes, red first.</param>
    /// <param name="fit">How.</param>
    /// <exception cref="ArgumentException">The destination has another size.</exception>
    public static void FitSquare(RgbImage image, int side, Span<byte> destination, FitKind fit = FitKind.Crop)
    {
        CheckSizes((long)image.Width * image.Height * 3, image.Pixels.Length, nameof(image));
        CheckSizes((long)side * side * 3, destination.Length, nameof(destination));
        if (fit != FitKind.Crop)
        {
            Place(image, side, fit, destination);
            return;
        }

        var shorter = Math.Min(image.Width, image.Height);
        var (width, height) = ((long)image.Width * side / shorter, (long)image.Height * side / shorter);
        Resize.Window(new(image), width, height, CentreOffset(width, side), CentreOffset(height, side), side, side, destination);
    }

    /// <summary>Where in a square an image lies of which nothing is cut off.</summary>
    /// <param name="width">Columns of the image.</param>
    /// <param name="height">Its rows.</param>
    /// <param name="side">Side of the square.</param>
    /// <param name="fit">Pad or stretch.</param>
    internal static (int Left, int Top, int Width, int Height) PlaceOf(int width, int height, int side, FitKind fit)
    {
        if (fit == FitKind.Stretch)
            return (0, 0, side, side);
        var longer = Math.Max(width, height);
        int Scaled(int length) => Math.Max(1, (int)((long)length * side / longer));
        var (across, down) = (Scaled(width), Scaled(height));
        return ((int)CentreOffset(side, across), (int)CentreOffset(side, down), across, down);
    }

    /// <summary>Cuts the centre out of a square.</summary>
    /// <param name="square">side × side × 3 bytes.</param>
    /// <param name="side">Side of the square.</param>
    /// <param name="size">Side of the centre, at most <paramref name="side"/>.</param>
    /// <param name="destination">Receives size × size × 3 bytes.</param>
    /// <exception cref="ArgumentException">The sizes don't fit each other.</exception>
    public static void CentreCrop(ReadOnlySpan<byte> square, int side, int size, Span<byte> destination)
    {
        CheckSizes(square.Length, side, size, destination.Length);
        var offset = (int)CentreOffset(side, size);
        Crop.Copy(square, side, offset, offset, size, mirrored: false, destination);
    }

    /// <summary>The square that a network sees of an image when it is measured or used: <see cref="FitSquare"/> to <see cref="SideForInference(int, bool)"/>, then the
    /// centre.</summary>
    /// <param name="image">Any image of at least one pixel.</param>
    /// <param name="imageSize">Height and width of the network's input.</param>
    /// <param name="isWhole">Whether the network sees squares whole. One of exactly its size is used unchanged.</param>
    /// <param name="fit">How images become squares.</param>
    /// <returns>imageSize × imageSize × 3 bytes, red first.</returns>
    public static byte[] ForInference(RgbImage image, int imageSize, bool isWhole = false, FitKind fit = FitKind.Crop)
    {
        var side = SideForInference(imageSize, isWhole);
        var square = new byte[checked(side * side * 3)];
        FitSquare(image, side, square, fit);
        var result = new byte[imageSize * imageSize * 3];
        CentreCrop(square, side, imageSize, result);
        return result;
    }

    /// <summary>Scales an image to its place in a square; the rest becomes the ground.</summary>
    private static void Place(RgbImage image, int side, FitKind fit, Span<byte> square)
    {
        var (left, top, width, height) = PlaceOf(image.Width, image.Height, side, fit);
        square.Fill(Ground);
        var scaled = ArrayPool<byte>.Shared.Rent(width * height * 3);
        Resize.Whole(new(image), width, height, scaled);
        for (var y = 0; y < height; y++)
            scaled.AsSpan(y * width * 3, width * 3).CopyTo(square[((((top + y) * side) + left) * 3)..]);
        ArrayPool<byte>.Shared.Return(scaled);
    }

    /// <summary>Where the middle part of a length begins; a half is rounded to the even neighbour, as torchvision does.</summary>
    internal static long CentreOffset(long length, int part) => (long)Math.Round((length - part) / 2.0);

    internal static void CheckSizes(long stored, int side, int size, long destination)
    {
        if (size < 1 || size > side)
            throw new ArgumentException($"A square of {size} pixels can't be cut out of one of {side}.", nameof(size));
        CheckSizes((long)side * side * 3, stored, nameof(stored));
        CheckSizes((long)size * size * 3, destination, nameof(destination));
    }

    private static void CheckSizes(long wanted, long bytes, string name)
    {
        if (wanted <= 0 || bytes != wanted)
            throw new ArgumentException($"{name} has {bytes} bytes; {wanted} are needed.", name);
    }
}
