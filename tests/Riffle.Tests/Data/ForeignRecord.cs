using Google.Protobuf;
using Riffle.Formats.Protos;

namespace Riffle.Tests.Data;

/// <summary>Records with features of any names.</summary>
internal static class ForeignRecord
{
    /// <summary>A number is a label, or, where the key is of an image, the number of a picture.</summary>
    public static byte[] Of(params (string Key, object Value)[] features)
    {
        var example = new Example { Features = new Features() };
        foreach (var (key, value) in features)
        {
            example.Features.Feature.Add(key, (key, value) switch
            {
                ("image" or "picture" or "image/encoded", int number) => Bytes(ByteString.CopyFrom(PreparationSource.Jpeg(number))),
                (_, byte[] bytes) => Bytes(ByteString.CopyFrom(bytes)),
                (_, int number) => new Feature { Int64List = new Int64List { Value = { number } } },
                _ => Bytes(ByteString.CopyFromUtf8((string)value)),
            });
        }

        return example.ToByteArray();
    }

    private static Feature Bytes(ByteString bytes) => new() { BytesList = new BytesList { Value = { bytes } } };
}
