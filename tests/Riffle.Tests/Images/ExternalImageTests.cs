using System.Security.Cryptography;
using System.Text.Json;

namespace Riffle.Tests.Images;

/// <summary>PngSuite and JPEGs of every kind, against what Pillow makes of them.</summary>
public class ExternalImageTests
{
    [ExternalTheory]
    [InlineData("pngsuite", 128)]
    [InlineData("jpeg", 25)]
    public void Images_come_out_as_Pillow_decodes_them(string folder, int atLeast)
    {
        int count = 0;
        foreach (var (name, file, expected, reference) in Images(folder))
        {
            if (Is16Bit(file, name) || IsIncomplete(name)) continue;
            count++;
            var image = ImageDecoder.Decode(file, name);
            var size = reference.TryGetProperty("transposed_size", out var transposed) ? transposed : reference.GetProperty("size");
            Assert.Equal((name, size[0].GetInt32(), size[1].GetInt32()), (name, image.Width, image.Height));
            Assert.Equal((name, expected), (name, Sha1(image.Pixels)));
        }

        Assert.True(count >= atLeast, $"only {count} images were compared");
    }

    /// <summary>Of 16 bits the upper 8 are taken, as Pillow does for colour (grey ones it cuts to at most 255, which leaves little of the picture).</summary>
    [ExternalFact]
    public void Samples_of_16_bits_lose_their_lower_8()
    {
        int count = 0;
        foreach (var (name, file, expected, reference) in Images("pngsuite"))
        {
            if (!Is16Bit(file, name)) continue;
            count++;
            var samples = PngOracle.Decode16(file);
            bool clipped = reference.TryGetProperty("note16", out _);
            var asPillow = samples.Where((_, i) => i % 4 < 3).Select(sample => (byte)(clipped ? Math.Min(sample, (ushort)255) : sample >> 8));
            Assert.Equal((name, expected), (name, Sha1([.. asPillow])));

            var pixels = ImageDecoder.Decode(file, name).Pixels;
            for (int i = 0; i < samples.Length; i++)
            {
                if (i % 4 == 3) continue;
                Assert.Equal((name, i, samples[i] >> 8), (name, i, (int)pixels[i / 4 * 3 + i % 4]));
            }
        }

        Assert.Equal(33, count);
    }

    /// <summary>A progressive file whose last scans are cut off: Pillow shows what there is.</summary>
    [ExternalFact]
    public void A_progressive_image_that_is_not_all_there_is_refused()
    {
        string path = ExternalData.PathOf("jpeg/partial_progressive.jpg");
        var e = Assert.Throws<BadDataException>(() => ImageDecoder.Decode(File.ReadAllBytes(path), path));
        Error.Names(e.Message, path + ": ", "premature end of data segment");
    }

    [ExternalFact]
    public void Photos_decode_from_many_threads_as_from_one()
    {
        string[] photos = Directory.GetFiles(ExternalData.PathOf("photos"), "*.JPEG");
        Assert.NotEmpty(photos);
        var one = photos.Select(path => Sha1(ImageDecoder.Decode(File.ReadAllBytes(path), path).Pixels));
        var many = photos.AsParallel().AsOrdered().WithDegreeOfParallelism(4).Select(path => Sha1(ImageDecoder.Decode(File.ReadAllBytes(path), path).Pixels));
        Assert.Equal(one, many);
    }

    static bool Is16Bit(byte[] file, string name) => name.EndsWith(".png") && file[24] == 16;

    static bool IsIncomplete(string name) => name.EndsWith("partial_progressive.jpg");

    static string Sha1(byte[] pixels) => Convert.ToHexStringLower(SHA1.HashData(pixels));

    /// <summary>The sum is that of the upright pixels.</summary>
    static IEnumerable<(string Name, byte[] File, string Sha1, JsonElement Reference)> Images(string folder)
    {
        using var all = JsonDocument.Parse(File.ReadAllBytes(ExternalData.PathOf("images_reference.json")));
        foreach (var image in all.RootElement.EnumerateObject())
        {
            if (!image.Name.StartsWith(folder + "/")) continue;
            var sum = image.Value.TryGetProperty("sha1_rgb_transposed", out var upright) ? upright : image.Value.GetProperty("sha1_rgb");
            yield return (image.Name, File.ReadAllBytes(ExternalData.PathOf(image.Name)), sum.GetString()!, image.Value);
        }
    }
}
