using System.Collections.Immutable;
using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Reports.Documents;

namespace Riffle.Reports;

/// <summary>Classified validation images with the heat maps of their predictions.</summary>
internal sealed class ClassifiedPictures : IDisposable
{
    private readonly Model _model;
    private readonly Dataset _data;
    private readonly HeatMaps? _maps;
    private readonly string _note;

    public ClassifiedPictures(Model model, Dataset data, int threads)
    {
        (_model, _data) = (model, data);
        try
        {
            _maps = new(model, threads);
            _note = " The second picture shows what speaks for the prediction: the lighter, the more.";
        }
        catch (RiffleException e)
        {
            _note = $" {e.Message}";
        }
    }

    /// <summary>A section of images; null without any.</summary>
    public Section? Section(string id, string title, string text, IReadOnlyList<ClassifiedImage> images)
    {
        if (images.Count == 0)
            return null;
        var records = ChosenRecords.Read(_data, Split.Validation, images.Select(image => image.Number).Where(number => number >= 0));
        return new(id, title, [new Paragraph(text + _note), new Gallery(title, [.. images.Select(image => Tile(image, records.GetValueOrDefault(image.Number)?.FileName))])]);
    }

    public void Dispose() => _maps?.Dispose();

    private Tile Tile(ClassifiedImage image, string? file)
    {
        var (label, guess) = (Text.NameOf(_model.Classes[image.Label]), Text.NameOf(_model.Classes[image.Guess]));
        ImmutableArray<byte[]> pictures =
        [
            Thumbnail.Of(_data.Codec, image.Pixels, _model.ImageSize),
            .. _maps is null ? Array.Empty<byte[]>() : [Thumbnail.Of(_data.Codec, image.Pixels, _model.ImageSize, _maps.Of(image.Pixels, image.Guess))],
        ];
        var title = image.Label == image.Guess ? $"{label}, rightly" : $"{label}, taken for {guess}";
        string[] lines =
        [
            image.Label == image.Guess
                ? $"{Text.Probability(image.Probability)}"
                : $"{guess} {Text.Probability(image.Probability)}, {label} {Text.Probability(image.OfLabel)}",
            .. file is { Length: > 0 } ? [file] : Array.Empty<string>(),
        ];
        return new(pictures, title, [.. lines]);
    }
}
