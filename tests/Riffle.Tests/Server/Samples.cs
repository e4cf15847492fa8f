using System.IO.Compression;
using System.Text;
using Riffle.Tests.Training;

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

    /// <summary>A POST as it goes over the wire.</summary>
    public static byte[] Post(string path, string headers, byte[] body) =>
        [.. Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {body.Length}\r\n\r\n"), .. body];

    /// <summary>A request for the model <c>small</c> with a binary tensor, as it goes over the wire.</summary>
    public static byte[] Binary(string name, string type, string shape, byte[] data, string headers = "")
    {
        var json = Encoding.ASCII.GetBytes(Request(name, type, shape, data.Length, """, "id":"1","outputs":[{"name":"probabilities","parameters":{"classification":2}}]"""));
        return Post("/v2/models/small/infer", $"{headers}Inference-Header-Content-Length: {json.Length}\r\n", [.. json, .. data]);
    }

    /// <summary>Requests of every kind to the model <c>small</c>, as they go over the wire. The first has pixels, the second an encoded image.</summary>
    public static byte[][] OfAllKinds { get; } = [.. MakeKinds()];

    private static IEnumerable<byte[]> MakeKinds()
    {
        var file = TinyDataset.Jpeg(1);
        yield return Binary("images", "UINT8", "[1,56,56,3]", new byte[56 * 56 * 3]);
        yield return Binary("image", "BYTES", "[1]", [.. BitConverter.GetBytes(file.Length), .. file]);
        yield return Post("/v2/models/small/infer", "", Encoding.ASCII.GetBytes(
            $$$"""{"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","data":["{{{Convert.ToBase64String(file)}}}"]}],"parameters":{"timeout":60000000}}"""));
        yield return Post("/v1/classify?top=2&heatmap=true", "Content-Type: image/jpeg\r\n", file);
        yield return Post("/v1/classify", "Content-Type: multipart/form-data; boundary=edge\r\n", [
            .. "--edge\r\nContent-Disposition: form-data; name=\"a\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n"u8, .. file, .. "\r\n--edge--\r\n"u8]);
        yield return "GET /v2/models/small/config HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"u8.ToArray();
        yield return "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray();
    }
}
