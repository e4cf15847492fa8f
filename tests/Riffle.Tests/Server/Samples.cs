using System.IO.Compression;

namespace Riffle.Tests.Server;

/// <summary>Images, and what is said about them over the wire.</summary>
internal static class Samples
{
    /// <summary>Of the network that most tests serve.</summary>
    public const int Size = 56, Bytes = Size * Size * 3, Classes = 200;

    /// <summary>The JSON before a binary tensor.</summary>
    public static string Request(string name, string type, string shape, int bytes, string more = "") =>
        $$$"""{"inputs":[{"name":"{{{name}}}","shape":{{{shape}}},"datatype":"{{{type}}}","parameters":{"binary_data_size":{{{bytes}}} }}]{{{more}}} }""";

    public static byte[] Noise(int images, int seed)
    {
        var pixels = new byte[images * Bytes];
        new Random(seed).NextBytes(pixels);
        return pixels;
    }

    /// <summary>What the library says, an image at a time.</summary>
    public static float[] Expected(Classifier classifier, byte[] pixels, int images)
    {
        var found = new float[images * Classes];
        for (var i = 0; i < images; i++)
            classifier.Score(pixels.AsSpan(i * Bytes, Bytes), found.AsSpan(i * Classes, Classes));
        return found;
    }

    public static byte[] Pack(byte[] body, string encoding)
    {
        if (encoding == "")
            return body;
        using var packed = new MemoryStream();
        using (Stream packer = encoding == "gzip" ? new GZipStream(packed, CompressionLevel.Fastest) : new ZLibStream(packed, CompressionLevel.Fastest))
            packer.Write(body);
        return packed.ToArray();
    }

    public static byte[] Unpack(byte[] body, string encoding)
    {
        using var result = new MemoryStream();
        using Stream unpacker = encoding == "gzip" ? new GZipStream(new MemoryStream(body), CompressionMode.Decompress) : new ZLibStream(new MemoryStream(body), CompressionMode.Decompress);
        unpacker.CopyTo(result);
        return result.ToArray();
    }
}
