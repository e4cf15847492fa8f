namespace Riffle.Data.Sources;

/// <summary>A folder with the images of one class, or of one part of it.</summary>
internal readonly record struct ClassFolder(string Class, SourceFolder Folder);

/// <summary>The images of one part of a data set.</summary>
/// <param name="Shown">Where they lie, as <c>train/CLASS</c>; empty where several folders can't be told from each other.</param>
/// <param name="Folders">The folders of the part, which hold those of the classes.</param>
/// <param name="Classes">The folders of its classes; none where its images have no classes.</param>
internal sealed record LayoutPart(string Shown, IReadOnlyList<SourceFolder> Folders, IReadOnlyList<ClassFolder> Classes)
{
    /// <summary>The part whose classes are the folders in one folder.</summary>
    public static LayoutPart Of(SourceFolder folder, IEnumerable<SourceFolder>? classes = null) =>
        new($"{folder.Path}CLASS", [folder], [.. (classes ?? folder.Folders).Select(found => new ClassFolder(found.Name, found))]);

    public int Images => Folders.Sum(folder => folder.Images);

    /// <summary>Its folders by name, for messages.</summary>
    public string Named => string.Join(", ", Folders.Select(folder => folder.Path));
}

/// <summary>Which folders of a source are for what.</summary>
/// <param name="Root">The folder that holds the data set.</param>
/// <param name="Training">The images to train on.</param>
/// <param name="Validation">The images for validation, if there are any.</param>
/// <param name="Test">The images for testing, if there are any.</param>
internal sealed record LayoutParts(SourceFolder Root, LayoutPart Training, LayoutPart? Validation = null, LayoutPart? Test = null)
{
    /// <summary>Folders that are no part of it, and why.</summary>
    public List<(string Reason, SourceFolder Folder)> LeftOut { get; init; } = [];

    /// <summary>What may be meant otherwise than it is understood.</summary>
    public List<string> Notes { get; init; } = [];
}
