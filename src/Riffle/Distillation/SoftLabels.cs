using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Riffle.Data;
using Riffle.Formats;
using Riffle.Models;

namespace Riffle.Distillation;

/// <summary>
/// The logits of trained networks for the training images of a data set, from which another network learns beside the labels (Hinton, Vinyals and Dean,
/// "Distilling the Knowledge in a Neural Network", 2015). Each image has several views with different augmentation, and a training with soft labels sees exactly
/// these views, so that the logits belong to the crop that it sees (Beyer et al., "Knowledge distillation: a good teacher is patient and consistent", 2022).
/// </summary>
/// <remarks>
/// The folder contains <c>soft-labels.json</c> and, for each view, <c>view-00000.safetensors</c> with one tensor, <c>logits</c>: training images×classes, in the
/// order of the shards, as 16-bit floats.
/// </remarks>
public sealed class SoftLabels
{
    private const int CurrentVersion = 1;
    private const string Tensor = "logits", DocumentKey = "soft-labels", NumbersKey = "images";

    private readonly string _folder;
    private readonly SoftLabelsDocument _document;
    private int _classes;
    private float[] _logits = [];

    /// <summary>Of an excerpt, whether it has an image; null: all images are there.</summary>
    private bool[]? _has;

    private SoftLabels(string folder, SoftLabelsDocument document) => (_folder, _document) = (folder, document);

    /// <summary>The allowed numbers of views.</summary>
    public static Limits<int> ViewLimits { get; } = new(1, 1000);

    /// <summary>The identity of the soft labels.</summary>
    public SoftLabelsIdentity Identity => _document.SoftLabels;

    /// <summary>The top-1 accuracy of all teachers together on the validation images, in percent.</summary>
    public double Top1 => _document.Top1;

    /// <summary>The number of finished views.</summary>
    public int Made => _document.Views.Length;

    /// <summary>Opens a folder of soft labels, or an excerpt of them.</summary>
    /// <exception cref="RiffleException">There are none, not all views are finished, or a newer version wrote them.</exception>
    /// <exception cref="BadDataException">It is damaged.</exception>
    public static SoftLabels Open(string folder)
    {
        if (File.Exists(folder))
            return OpenExcerpt(folder);
        var labels = Find(folder)
            ?? throw new RiffleException($"{folder}: not a folder of soft labels, because it has no {SoftLabelsIdentity.DocumentName}; make soft labels with 'riffle teach'");
        return labels.Made == labels.Identity.Views
            ? labels
            : throw new RiffleException($"{folder}: only {labels.Made} of {labels.Identity.Views} views are finished; run the same 'riffle teach' command again to continue");
    }

    /// <summary>
    /// The number of views for a training: enough to see a different image in each epoch, counting mirror images, but at most 15. Views take time, and in sixty epochs
    /// networks learnt well from as few as eight (docs/experiments.md).
    /// </summary>
    public static int ViewsFor(int epochs) => Math.Min(15, (epochs + 1) / 2);

    /// <summary>Finds soft labels, finished or not, in a folder; null if there are none.</summary>
    /// <exception cref="RiffleException">The folder has soft labels with another identity.</exception>
    internal static SoftLabels? Begun(string folder, SoftLabelsIdentity identity)
    {
        var found = Find(folder);
        return found is null || found.Identity.Fingerprint == identity.Fingerprint
            ? found
            : throw new RiffleException($"{folder}: the folder contains soft labels with other settings ({found.Identity.Fingerprint}).") { CommandLineAdvice = "Give another --out." };
    }

    /// <summary>Creates a folder of soft labels.</summary>
    /// <param name="folder">New or empty.</param>
    /// <param name="identity">Their identity.</param>
    /// <param name="validate">Computes the accuracy of all teachers together in percent; called once the folder is known to be usable.</param>
    /// <exception cref="RiffleException">It can't be made, or is not empty.</exception>
    internal static SoftLabels Begin(string folder, SoftLabelsIdentity identity, Func<double> validate)
    {
        try
        {
            Directory.CreateDirectory(folder);
            if (Directory.EnumerateFileSystemEntries(folder).Any())
                throw new RiffleException($"{folder}: the folder is not empty.") { CommandLineAdvice = "Give another --out." };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RiffleException($"{folder}: can't create the folder: {e.Message}", e) { CommandLineAdvice = "Give another --out." };
        }

        return new SoftLabels(folder, new(CurrentVersion, RiffleVersion.Text, identity, validate(), [])).Saved();
    }

    /// <summary>Adds a view.</summary>
    /// <param name="logits">Training images×classes.</param>
    internal SoftLabels With(float[] logits)
    {
        var path = ViewFile(Made);
        var shape = new[] { Identity.Data.Train, logits.Length / Identity.Data.Train };
        AtomicFile.Write(path, stream => SafeTensors.Write(stream, [(Tensor, shape, logits)], new Dictionary<string, string>(), "F16"));
        return new SoftLabels(_folder, _document with { Views = _document.Views.Add(Sha256Of(path)) }).Saved();
    }

    /// <summary>Allocates memory for the labels of one view.</summary>
    /// <exception cref="RiffleException">There is not enough.</exception>
    internal static float[] Allocate(int images, int classes)
    {
        var bytes = (long)images * classes * sizeof(float);
        var available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        return bytes / sizeof(float) <= Array.MaxLength && bytes <= available / 2
            ? new float[(long)images * classes]
            : throw new RiffleException($"soft labels for {images:N0} images and {classes:N0} classes need {bytes >> 20:N0} MiB, more than half of the "
                + $"{available >> 20:N0} MiB of this machine; use fewer images");
    }

    /// <summary>Writes the labels of some images in the first view to one file, enough for the first steps of a training.</summary>
    internal void WriteExcerpt(string path, int[] numbers)
    {
        Load(0);
        var logits = new float[numbers.Length * _classes];
        foreach (var (i, number) in numbers.Index())
            _logits.AsSpan(number * _classes, _classes).CopyTo(logits.AsSpan(i * _classes));
        var document = JsonSerializer.Serialize(_document, ModelJson.Compact.Of<SoftLabelsDocument>());
        AtomicFile.Write(path, stream => SafeTensors.Write(
            stream,
            [(Tensor, [numbers.Length, _classes], logits)],
            new Dictionary<string, string> { [DocumentKey] = document, [NumbersKey] = JsonSerializer.Serialize(numbers, ModelJson.Compact.Of<int[]>()) },
            "F16"));
    }

    /// <summary>Checks that the labels fit a training's images.</summary>
    /// <exception cref="ArgumentException">They don't fit.</exception>
    internal void RequireFor(Dataset data, int imageSize, FitKind fit, Augmentation augmentation)
    {
        var difference = DatasetIdentity.Of(data) is var own && own != Identity.Data
                ? $"the data set {Identity.Data.Fingerprint} with {Identity.Data.Train:N0} training images, but {data.Directory} is {own.Fingerprint} with {own.Train:N0}"
            : imageSize != Identity.ImageSize ? $"images of {Identity.ImageSize}×{Identity.ImageSize} pixels, but the network has {imageSize}×{imageSize}"
            : fit != Identity.Fit ? $"images that become squares by {Identity.Fit.Name()}, but this training has {fit.Name()}"
            : augmentation != Identity.Augmentation ? "images with another augmentation than this training (remove the augmentation options)"
            : null;
        if (difference is not null)
            throw new ArgumentException($"{_folder}: these soft labels are for {difference}; make others with 'riffle teach'");
    }

    /// <summary>The view for an epoch, counted from 0: all views in order, then, if the teachers saw both, their mirror images in order.</summary>
    internal AugmentedAs SeenIn(int epoch) =>
        new(Identity.Seed, epoch % Identity.Views, Identity.Mirrored && Identity.Augmentation.Flip && epoch / Identity.Views % 2 == 1);

    /// <summary>Reads a view.</summary>
    /// <exception cref="BadDataException">Its file is damaged.</exception>
    /// <exception cref="RiffleException">It can't be read.</exception>
    internal void Load(int view)
    {
        if (_has is not null)
        {
            if (view != 0)
                throw NoMore();
            return;
        }

        var path = ViewFile(view);
        var file = SafeTensors.Read(path);
        if (Sha256Of(path) != _document.Views[view])
            throw new BadDataException($"{path}: the SHA-256 differs from that in {SoftLabelsIdentity.DocumentName}; make the soft labels again with 'riffle teach'");
        if (!file.Contains(Tensor) || file.Shape(Tensor) is not [var images, var classes] || images != Identity.Data.Train)
            throw new BadDataException($"{path}: there is no tensor '{Tensor}' with a row for each of {Identity.Data.Train} images; make it again with 'riffle teach'");
        (_logits, _classes) = (file.Get(Tensor), classes);
    }

    /// <summary>Copies the logits of a batch's images from the current view, images×classes. Allocates nothing.</summary>
    internal ReadOnlySpan<float> Of(Batch batch, float[] logits)
    {
        for (var i = 0; i < batch.Count; i++)
        {
            if (_has is { } has && !has[batch.Numbers[i]])
                throw NoMore();
            _logits.AsSpan(batch.Numbers[i] * _classes, _classes).CopyTo(logits.AsSpan(i * _classes));
        }

        return logits.AsSpan(0, batch.Count * _classes);
    }

    /// <summary>Opens the soft labels in a folder, finished or not; null if there are none.</summary>
    /// <exception cref="RiffleException">They can't be read, or a newer version wrote them.</exception>
    /// <exception cref="BadDataException">They are damaged.</exception>
    internal static SoftLabels? Find(string folder)
    {
        var path = Path.Combine(folder, SoftLabelsIdentity.DocumentName);
        if (!File.Exists(path))
            return null;
        try
        {
            var document = JsonSerializer.Deserialize(InputFile.ReadDocument(path), ModelJson.Indented.Of<SoftLabelsDocument>()) ?? throw new JsonException("it is null");
            if (document.Version > CurrentVersion)
                throw new RiffleException($"{path}: the format version is {document.Version}, but this Riffle reads only up to {CurrentVersion}; use a newer Riffle");
            return document.SoftLabels.Teachers.IsDefaultOrEmpty || document.Views.IsDefault || document.Views.Length > document.SoftLabels.Views
                || !ViewLimits.Contain(document.SoftLabels.Views) || document.SoftLabels.Data.Train < 1
                ? throw new JsonException("a list is missing or too long, or a number is impossible")
                : new(folder, document);
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or ArgumentException)
        {
            throw new BadDataException($"{path}: damaged: {e.Message} Make the soft labels again with 'riffle teach'.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotRead(path, e);
        }
    }

    private static SoftLabels OpenExcerpt(string path)
    {
        var file = SafeTensors.Read(path);
        try
        {
            string Metadata(string key) => file.Metadata.TryGetValue(key, out var text) ? text : throw new JsonException($"there is no {key}");
            var document = JsonSerializer.Deserialize(Metadata(DocumentKey), ModelJson.Compact.Of<SoftLabelsDocument>()) ?? throw new JsonException("it is null");
            var numbers = JsonSerializer.Deserialize(Metadata(NumbersKey), ModelJson.Compact.Of<int[]>()) ?? throw new JsonException("it is null");
            var images = document.SoftLabels.Data.Train;
            if (!file.Contains(Tensor) || file.Shape(Tensor) is not [var rows, var classes] || rows != numbers.Length || numbers.Any(number => number < 0 || number >= images))
                throw new JsonException($"the tensor '{Tensor}' does not have a row for each image");
            var (values, logits, has) = (file.Get(Tensor), Allocate(images, classes), new bool[images]);
            foreach (var (i, number) in numbers.Index())
            {
                values.AsSpan(i * classes, classes).CopyTo(logits.AsSpan(number * classes));
                has[number] = true;
            }

            return new(path, document) { _logits = logits, _classes = classes, _has = has };
        }
        catch (JsonException e)
        {
            throw new BadDataException($"{path}: this is not an excerpt of soft labels: {e.Message}", e);
        }
    }

    private RiffleException NoMore() => new($"{_folder}: these are the soft labels of the first steps alone; give a folder that 'riffle teach' has written");

    private static string Sha256Of(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private string ViewFile(int view) => Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"view-{view:D5}.safetensors"));

    private SoftLabels Saved()
    {
        AtomicFile.WriteText(Path.Combine(_folder, SoftLabelsIdentity.DocumentName), JsonSerializer.Serialize(_document, ModelJson.Indented.Of<SoftLabelsDocument>()) + "\n");
        return this;
    }
}
