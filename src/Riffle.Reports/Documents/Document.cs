using System.Collections.Immutable;
using System.Xml.Linq;

namespace Riffle.Reports.Documents;

/// <summary>A report as its writers see it.</summary>
/// <param name="Title">What it is.</param>
/// <param name="Lead">What comes before the sections.</param>
/// <param name="Sections">Its sections.</param>
internal sealed record Document(string Title, ImmutableArray<DocumentBlock> Lead, ImmutableArray<Section> Sections)
{
    public IEnumerable<Picture> Pictures => Sections.SelectMany(section => section.Blocks).OfType<PicturesBlock>().SelectMany(block => block.Pictures);
}

/// <summary>A section.</summary>
/// <param name="Id">Its anchor.</param>
/// <param name="Title">Its heading.</param>
/// <param name="Blocks">What it holds.</param>
internal sealed record Section(string Id, string Title, ImmutableArray<DocumentBlock> Blocks);

/// <summary>A part of a section.</summary>
internal abstract record DocumentBlock;

/// <summary>Text.</summary>
internal sealed record Paragraph(string Text) : DocumentBlock;

/// <summary>What must not be overlooked.</summary>
internal sealed record Warning(string Text) : DocumentBlock;

/// <summary>The few numbers that count, large.</summary>
internal sealed record KeyFigures(ImmutableArray<(string Value, string Meaning)> Figures) : DocumentBlock;

/// <summary>A command line.</summary>
internal sealed record CommandBlock(string Command) : DocumentBlock;

/// <summary>A table. The first cell of each row names it.</summary>
/// <param name="Name">What it holds, for those who can't see it.</param>
/// <param name="Columns">Its columns.</param>
/// <param name="Rows">Its rows, each with a cell for each column.</param>
/// <param name="ShownRows">How many rows a page shows at first; the rest opens on demand. 0: all.</param>
internal sealed record TableBlock(string Name, ImmutableArray<Column> Columns, ImmutableArray<ImmutableArray<string>> Rows, int ShownRows = 0) : DocumentBlock;

/// <summary>A column of a table.</summary>
/// <param name="Heading">What stands above it.</param>
/// <param name="Kind">How its cells are set.</param>
internal sealed record Column(string Heading, ColumnKind Kind = ColumnKind.Text)
{
    /// <summary>Whether a cell is a command to be typed; in a column of commands that is what names the program.</summary>
    public bool IsCode(string cell) => Kind == ColumnKind.Command && (cell.StartsWith("riffle ", StringComparison.Ordinal) || cell.StartsWith("RIFFLE_", StringComparison.Ordinal));
}

/// <summary>How the cells of a column are set.</summary>
internal enum ColumnKind
{
    Text,
    Number,
    Command,
}

/// <summary>Charts or drawings beside each other.</summary>
/// <param name="Pictures">The pictures.</param>
/// <param name="Figures">The same in figures, where no other table of the report has them.</param>
internal sealed record PicturesBlock(ImmutableArray<Picture> Pictures, TableBlock? Figures = null) : DocumentBlock;

/// <summary>Images in rows.</summary>
/// <param name="Name">What they are, for those who can't see them.</param>
/// <param name="Tiles">The images.</param>
internal sealed record Gallery(string Name, ImmutableArray<Tile> Tiles) : DocumentBlock;

/// <summary>Images beside each other, and lines of text below.</summary>
/// <param name="Jpegs">JPEG files, of about the same size in pixels.</param>
/// <param name="Title">The first line.</param>
/// <param name="Lines">Those below it, smaller.</param>
internal sealed record Tile(ImmutableArray<byte[]> Jpegs, string Title, ImmutableArray<string> Lines);

/// <summary>A chart or a drawing.</summary>
/// <param name="Title">What it shows.</param>
internal abstract record Picture(string Title)
{
    /// <summary>Where it is as a picture of its own, as seen from the report.</summary>
    public string File => $"charts/{Title.ToLowerInvariant().Replace(' ', '-').Replace(",", "", StringComparison.Ordinal)}.svg";
}

/// <summary>A chart.</summary>
/// <param name="Title">What it shows.</param>
/// <param name="X">The horizontal axis.</param>
/// <param name="Y">The vertical axis.</param>
/// <param name="Series">What is drawn, the first undermost.</param>
internal sealed record Chart(string Title, Axis X, Axis Y, ImmutableArray<Series> Series) : Picture(Title);

/// <summary>A drawing.</summary>
/// <param name="Title">What it shows.</param>
/// <param name="Width">In pixels.</param>
/// <param name="Height">In pixels.</param>
/// <param name="Draw">Makes its elements, each time anew because an element stands in one document.</param>
internal sealed record Drawing(string Title, double Width, double Height, Func<XElement[]> Draw) : Picture(Title);

/// <summary>Points that a line joins.</summary>
/// <param name="Name">For the legend, which names series of one name once.</param>
/// <param name="Colour">Number of its colour and of its mark.</param>
/// <param name="IsPublished">Whether it is the study's: dashed and hollow.</param>
/// <param name="HasMarks">Whether each point is marked.</param>
/// <param name="Points">From left to right.</param>
internal sealed record Series(string Name, int Colour, bool IsPublished, bool HasMarks, ImmutableArray<Point> Points);

/// <summary>A point of a series.</summary>
/// <param name="X">In the units of the horizontal axis.</param>
/// <param name="Y">In the units of the vertical axis.</param>
/// <param name="Label">What it is, for a mark.</param>
internal readonly record struct Point(double X, double Y, string Label = "");
