using Riffle.Data;
using Riffle.Data.Sources;

namespace Riffle.Learning;

/// <summary>What a folder or an archive of photos says of itself, without decoding any of them.</summary>
public static class Photos
{
    /// <summary>Whether the source says itself which images are for validation, in folders of their own.</summary>
    /// <param name="source">Anything that <see cref="Preparation"/> accepts.</param>
    /// <param name="cancel">Stops it.</param>
    /// <exception cref="RiffleException">The source can't be read.</exception>
    /// <exception cref="BadDataException">The layout is unknown, or an archive is damaged.</exception>
    public static bool HasValidation(string source, CancellationToken cancel = default)
    {
        var options = new PreparationOptions();
        using var container = SourceContainer.Open(source, options.Records, options.NameEncoding);
        return SourceLayout.Find(source, container.List(_ => { }, cancel), new Skips(source, strict: false)).HasValidation;
    }

    /// <summary>Whether a folder is a data set that <c>riffle prepare</c> wrote.</summary>
    public static bool ArePrepared(string folder) => File.Exists(Path.Combine(folder, DatasetFiles.Info));
}
