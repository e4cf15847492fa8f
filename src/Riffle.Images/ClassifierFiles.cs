using System.Collections.Concurrent;
using Riffle.Data;
using Riffle.Images;

namespace Riffle;

/// <summary>Classifies image files. Images that are decoded at the same time share the <see cref="DecodingBudget"/>.</summary>
public static class ClassifierFiles
{
    /// <summary>PLINQ's own limit.</summary>
    private const int MostThreads = 512;

    private static readonly ClassifyOptions Defaults = new();

    /// <summary>Returns the most likely classes of an image file of any size.</summary>
    /// <param name="classifier">The classifier.</param>
    /// <param name="path">A JPEG, PNG, WebP, GIF, BMP or ICO file.</param>
    /// <param name="top">The maximum number of predictions, at least 1.</param>
    /// <param name="cancel">Stops waiting, if the file is a pipe, or for memory.</param>
    /// <returns>The predictions, the most likely first; among equal ones, the lower index first.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="top"/> is less than 1.</exception>
    /// <exception cref="RiffleException">The file does not exist or can't be read, or the network produced NaN or infinity.</exception>
    /// <exception cref="BadDataException">The file is not an image, or is damaged.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static Classification Classify(this Classifier classifier, string path, int top = 5, CancellationToken cancel = default) =>
        classifier.Classify(path, Defaults with { Top = top }, cancel);

    /// <inheritdoc cref="Classify(Classifier, string, int, CancellationToken)"/>
    /// <param name="classifier">The classifier.</param>
    /// <param name="path">A JPEG, PNG, WebP, GIF, BMP or ICO file.</param>
    /// <param name="options">Number of predictions, and limits.</param>
    /// <param name="cancel">Stops waiting, if the file is a pipe, or for memory.</param>
    public static Classification Classify(this Classifier classifier, string path, ClassifyOptions options, CancellationToken cancel = default)
    {
        classifier.Check(options.Top);
        return classifier.Classify(ImageFile.Read(path, cancel), options with { Name = path }, cancel);
    }

    /// <summary>Returns the most likely classes of an image of any size that is read from a stream.</summary>
    /// <param name="classifier">The classifier.</param>
    /// <param name="image">The bytes of an image file, read from the stream's position to its end. The stream stays open.</param>
    /// <param name="name">The image's name, for error messages.</param>
    /// <param name="top">The maximum number of predictions, at least 1.</param>
    /// <param name="cancel">Stops waiting for the stream, or for memory.</param>
    /// <returns>The predictions, the most likely first; among equal ones, the lower index first.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="top"/> is less than 1.</exception>
    /// <exception cref="RiffleException">The stream can't be read, or the network produced NaN or infinity.</exception>
    /// <exception cref="BadDataException">The bytes are not an image, or are damaged.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static Classification Classify(
        this Classifier classifier, Stream image, string name = "image", int top = 5, CancellationToken cancel = default) =>
        classifier.Classify(image, Defaults with { Name = name, Top = top }, cancel);

    /// <inheritdoc cref="Classify(Classifier, Stream, string, int, CancellationToken)"/>
    /// <param name="classifier">The classifier.</param>
    /// <param name="image">The bytes of an image file, read from the stream's position to its end. The stream stays open.</param>
    /// <param name="options">Number of predictions, and limits.</param>
    /// <param name="cancel">Stops waiting for the stream, or for memory.</param>
    public static Classification Classify(this Classifier classifier, Stream image, ClassifyOptions options, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        classifier.Check(options.Top);
        return classifier.Classify(ImageFile.Read(image, options.Name, cancel), options, cancel);
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
    public static Classification Classify(this Classifier classifier, ReadOnlySpan<byte> encodedImage, string name = "image", int top = 5) =>
        classifier.Classify(encodedImage, Defaults with { Name = name, Top = top });

    /// <inheritdoc cref="Classify(Classifier, ReadOnlySpan{byte}, string, int)"/>
    /// <param name="classifier">The classifier.</param>
    /// <param name="encodedImage">The bytes of an image file.</param>
    /// <param name="options">Number of predictions, and limits.</param>
    /// <param name="cancel">Stops waiting for memory.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static Classification Classify(
        this Classifier classifier, ReadOnlySpan<byte> encodedImage, ClassifyOptions options, CancellationToken cancel = default)
    {
        classifier.Check(options.Top);
        using var decoding = new Decoding(options.MaxPixels, cancel: cancel);
        return classifier.Classify(Decode(classifier.View, encodedImage, options, decoding), options.Name, options.Top);
    }

    /// <summary>Decodes an image to the pixels that the network sees of it, for <see cref="Classifier.Score(ReadOnlySpan{byte}, Span{float})"/>.</summary>
    /// <param name="classifier">The classifier.</param>
    /// <param name="encodedImage">The bytes of an image file.</param>
    /// <param name="options">Its name, and limits; null: the defaults.</param>
    /// <param name="cancel">Stops waiting for memory.</param>
    /// <returns>S×S×3 bytes, row by row, red first.</returns>
    /// <exception cref="BadDataException">The bytes are not an image, or are damaged.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static byte[] Pixels(
        this Classifier classifier, ReadOnlySpan<byte> encodedImage, ClassifyOptions? options = null, CancellationToken cancel = default) =>
        PixelsAndSize(classifier.View, encodedImage, options ?? Defaults, ask: null, cancel).Pixels;

    /// <summary>The same, and the size of the upright image.</summary>
    internal static (byte[] Pixels, int Width, int Height) PixelsAndSize(
        ImageView view, ReadOnlySpan<byte> encodedImage, ClassifyOptions options, Action<long>? ask, CancellationToken cancel)
    {
        using var decoding = new Decoding(options.MaxPixels, ask, cancel);
        var image = Decode(view, encodedImage, options, decoding);
        return (view.Of(image), image.FullWidth, image.FullHeight);
    }

    /// <summary>Classifies many image files on all cores. One that can't be read or decoded does not stop the others.</summary>
    /// <param name="classifier">The classifier; best with <c>threads: 1</c>, so that no image takes a core from another.</param>
    /// <param name="paths">The files.</param>
    /// <param name="options">Number of predictions, and limits; null: the defaults.</param>
    /// <param name="threads">Threads, each with an image of its own; 0: one per core.</param>
    /// <param name="cancel">Stops between images, and waiting.</param>
    /// <returns>An answer for each file, in their order, as they are ready. Each has the bits that it would have alone.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static IEnumerable<FileClassification> ClassifyAll(
        this Classifier classifier, IEnumerable<string> paths, ClassifyOptions? options = null, int threads = 0, CancellationToken cancel = default) =>
        ClassifyAll(classifier, paths, ImageFile.Read, options ?? Defaults, threads, cancel);

    /// <summary>The same for what is read in another way.</summary>
    internal static IEnumerable<FileClassification> ClassifyAll(
        Classifier classifier, IEnumerable<string> names, Func<string, CancellationToken, byte[]> read, ClassifyOptions options, int threads, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        classifier.Check(options.Top);
        return Partitioner.Create(names, EnumerablePartitionerOptions.NoBuffering).AsParallel().AsOrdered()
            .WithDegreeOfParallelism(Math.Min(threads == 0 ? Environment.ProcessorCount : threads, MostThreads))
            .WithMergeOptions(ParallelMergeOptions.NotBuffered).WithCancellation(cancel)
            .Select(name => Answer(classifier, name, read, options, cancel));
    }

    /// <summary>Classifies one image of many. That it can't be read, or that the network is of no use for it, is its answer.</summary>
    internal static FileClassification Answer(
        Classifier classifier, string name, Func<string, CancellationToken, byte[]> read, ClassifyOptions options, CancellationToken cancel)
    {
        try
        {
            return new(name, classifier.Classify(read(name, cancel), options with { Name = name == "-" ? "standard input" : name }, cancel), null);
        }
        catch (RiffleException e)
        {
            return new(name, null, e);
        }
    }

    private static RgbImage Decode(ImageView view, ReadOnlySpan<byte> encoded, ClassifyOptions options, Decoding decoding) =>
        ImageDecoder.DecodeFor(encoded, options.Name, view.DecodingSide, decoding);
}
