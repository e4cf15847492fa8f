using Riffle.Data;
using Riffle.Images;

namespace Riffle;

/// <summary>Classifies image files.</summary>
public static class ClassifierFiles
{
    /// <summary>Returns the most likely classes of an image file of any size.</summary>
    /// <param name="classifier">The classifier.</param>
    /// <param name="path">A JPEG, PNG, WebP, GIF, BMP or ICO file.</param>
    /// <param name="top">The maximum number of predictions, at least 1.</param>
    /// <param name="cancel">Stops waiting, if the file is a pipe.</param>
    /// <returns>The predictions, the most likely first; among equal ones, the lower index first.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="top"/> is less than 1.</exception>
    /// <exception cref="RiffleException">The file does not exist or can't be read.</exception>
    /// <exception cref="BadDataException">The file is not an image, or is damaged.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static Classification Classify(this Classifier classifier, string path, int top = 5, CancellationToken cancel = default)
    {
        classifier.Check(top);
        return classifier.Classify(ImageFile.Read(path, cancel), path, top);
    }

    /// <summary>Returns the most likely classes of an image of any size that is read from a stream.</summary>
    /// <param name="classifier">The classifier.</param>
    /// <param name="image">The bytes of an image file, read from the stream's position to its end. The stream stays open.</param>
    /// <param name="name">The image's name, for error messages.</param>
    /// <param name="top">The maximum number of predictions, at least 1.</param>
    /// <param name="cancel">Stops waiting for the stream.</param>
    /// <returns>The predictions, the most likely first; among equal ones, the lower index first.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="top"/> is less than 1.</exception>
    /// <exception cref="RiffleException">The stream can't be read.</exception>
    /// <exception cref="BadDataException">The bytes are not an image, or are damaged.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static Classification Classify(
        this Classifier classifier, Stream image, string name = "image", int top = 5, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        classifier.Check(top);
        return classifier.Classify(ImageFile.Read(image, name, cancel), name, top);
    }

    /// <summary>Returns the most likely classes of an image of any size. Its shorter side is scaled to 8/7 of the network's input, and the centre is cut out.
    /// Models that were trained on baked images see them whole (<see cref="Model.TakesBakedImages"/>).</summary>
    /// <param name="classifier">The classifier.</param>
    /// <param name="encodedImage">The bytes of an image file.</param>
    /// <param name="name">The image's name, for error messages.</param>
    /// <param name="top">The maximum number of predictions, at least 1.</param>
    /// <returns>The predictions, the most likely first; among equal ones, the lower index first.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="top"/> is less than 1.</exception>
    /// <exception cref="BadDataException">The bytes are not an image, or are damaged.</exception>
    /// <exception cref="RiffleException">The network produced NaN or infinity.</exception>
    public static Classification Classify(this Classifier classifier, ReadOnlySpan<byte> encodedImage, string name = "image", int top = 5)
    {
        classifier.Check(top);
        return classifier.Classify(ImageDecoder.DecodeFor(encodedImage, name, ImageFit.StoredSide(classifier.Model.ImageSize)), name, top);
    }
}
