using System.Collections.Immutable;
using Riffle.Data.Sources;
using Riffle.Formats;

namespace Riffle.Data;

/// <summary>The records of one image and its facts, or why there are none.</summary>
internal readonly record struct MadeRecords(byte[][] Records, ImageFacts Facts = default, Skip? Skip = null);

/// <summary>Checks an image and makes its records. Called from several threads.</summary>
internal sealed class RecordMaker(ImmutableArray<DatasetClass> classes, PreparationOptions options, IImageCodec codec)
{
    /// <summary>Decodes the image, whatever its name says it is.</summary>
    public MadeRecords Make(LabelledImage image, SourceFile file)
    {
        if (file.Skip is not null)
            return new MadeRecords([], Skip: file.Skip with { Name = image.Name });
        if (Unsupported(codec, image, file.Bytes.Span) is { } unsupported)
            return new MadeRecords([], Skip: unsupported);
        try
        {
            var decoded = codec.Decode(file.Bytes.Span, image.Name);
            var records = Records(image, file.Bytes, codec.FormatOf(FileKind.StartOf(file.Bytes.Span))!, decoded);
            return new MadeRecords(records, ImageFacts.OfBytes(decoded.FullWidth, decoded.FullHeight, file.Bytes.Span));
        }
        catch (BadDataException e)
        {
            return new MadeRecords([], Skip: new Skip(SkipReason.Damaged, image.Name, e.Message[(image.Name.Length + 2)..]));
        }
    }

    /// <summary>Names the format of a file that no decoder is for; null for all others.</summary>
    public static Skip? Unsupported(IImageCodec codec, LabelledImage image, ReadOnlySpan<byte> bytes)
    {
        var start = FileKind.StartOf(bytes);
        return codec.FormatOf(start) is not null ? null : new Skip(SkipReason.Unsupported, image.Name, FileKind.Describe(start));
    }

    private byte[][] Records(LabelledImage image, ReadOnlyMemory<byte> bytes, string format, RgbImage decoded)
    {
        if (options.BakeCopies == 0)
            return [Record(image, bytes, format, decoded.FullWidth, decoded.FullHeight, oneHot: null)];
        byte[][] baked = image.Split == Split.Train
            ? Baking.Copies(codec, decoded, image.Name, options.BakeCopies, options.BakeSize, options.Seed)
            : [Baking.Whole(codec, decoded, options.BakeSize)];
        var oneHot = new float[classes.Length];
        oneHot[image.Label] = 1;
        return [.. baked.Select(encoded => Record(image, encoded, "JPEG", options.BakeSize, options.BakeSize, oneHot))];
    }

    private byte[] Record(LabelledImage image, ReadOnlyMemory<byte> encoded, string format, int width, int height, float[]? oneHot) => new ImageExample
    {
        Encoded = encoded,
        Format = format,
        Height = height,
        Width = width,
        Label = image.Label,
        Synset = classes[image.Label].Name,
        Text = classes[image.Label].Text,
        FileName = image.Name,
        OneHot = oneHot,
    }.ToBytes();
}
