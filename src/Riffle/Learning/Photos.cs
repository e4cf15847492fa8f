using Riffle.Data;
using Riffle.Data.Sources;

namespace Riffle.Learning;

/// <summary>What a folder or an archive of photos says of itself, without decoding any of them.</summary>
/// <param name="HasValidation">Whether the source says itself which images are for validation, in folders of their own.</param>
/// <param name="Images">The number of images for training and validation.</param>
public sealed record Photos(bool HasValidation, int Images)
{
    /// <summary>Lists a source.</summary>
    /// <param name="source">Anything that <see cref="Preparation"/> accepts.</param>
    /// <param name="oneClass">Whether one class is enough, because the photos are added to others.</param>
    /// <param name="cancel">Stops it.</param>
    /// <exception cref="RiffleException">The source can't be read.</exception>
    /// <exception cref="BadDataException">The layout is unknown, or an archive is damaged.</exception>
    public static Photos Of(string source, bool oneClass = false, CancellationToken cancel = default)
    {
        var options = new PreparationOptions();
        using var container = SourceContainer.Open(source, options.Records, options.NameEncoding);
        var layout = SourceLayout.Find(source, container.List(_ => { }, cancel), new Skips(source, strict: false), oneClass: oneClass);
        return new(layout.HasValidation, layout.Images.Count);
    }

    /// <summary>Whether a folder is a data set that <c>riffle prepare</c> wrote.</summary>
    public static bool ArePrepared(string folder) => File.Exists(Path.Combine(folder, DatasetFiles.Info));
}
