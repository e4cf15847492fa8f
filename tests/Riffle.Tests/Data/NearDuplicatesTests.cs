using Riffle.Data;

namespace Riffle.Tests.Data;

public class NearDuplicatesTests
{
    public static TheoryData<string> Changes => ["size", "quality", "brightness", "contrast", "mirror", "shift"];

    [Theory]
    [MemberData(nameof(Changes))]
    public void A_changed_copy_is_found_among_others_and_nothing_else(string change)
    {
        var found = new NearDuplicates();
        for (var i = 0; i < 300; i++)
            found.Add(PictureHash.Of(Picture(i))!, Image(i, Split.Train));
        for (var i = 0; i < 20; i++)
            found.Add(PictureHash.Of(Changed(Picture(i), change))!, Image(i, Split.Validation));
        var groups = found.ToArray();
        Assert.All(groups, group => Assert.Equal((true, false, 2, 1), (group.IsAcrossSplits, group.IsAcrossClasses, group.Members.Length, group.Members.Select(image => image.Name).Distinct().Count())));
        Assert.Equal(20, groups.Length);
    }

    [Fact]
    public void Looking_up_parts_of_hashes_finds_every_pair_that_looks_alike()
    {
        var random = new Random(1);
        var hashes = Enumerable.Range(0, 400).Select(i => PictureHash.Of(Noisy(Picture(i % 80), random, 30))!).ToArray();
        var found = new NearDuplicates();
        for (var i = 0; i < hashes.Length; i++)
            found.Add(hashes[i], Image(i, Split.Train));
        var groupOf = found.ToArray().SelectMany((group, number) => group.Members.Select(image => (image.Name, number))).ToDictionary(pair => pair.Name, pair => pair.number);
        var pairs = 0;
        for (var a = 0; a < hashes.Length; a++)
        {
            for (var b = 0; b < a; b++)
            {
                if (!hashes[a].IsLike(hashes[b], mirrored: false) && !hashes[a].IsLike(hashes[b], mirrored: true))
                    continue;
                pairs++;
                Assert.Equal(groupOf[$"{a}"], groupOf[$"{b}"]);
            }
        }

        Assert.InRange(pairs, 100, 1000);
    }

    [Fact]
    public void Groups_across_the_splits_come_first_then_those_across_classes()
    {
        var found = new NearDuplicates();
        (int Picture, Split Split, int Label)[] images =
        [
            (1, Split.Train, 0), (1, Split.Train, 0), (1, Split.Train, 0), (2, Split.Train, 0), (2, Split.Train, 1), (3, Split.Train, 0), (3, Split.Validation, 0), (4, Split.Train, 0),
        ];
        foreach (var (picture, split, label) in images)
            found.Add(PictureHash.Of(Picture(picture))!, new(split, label, "", 0, $"{picture}"));
        Assert.Equal(["3", "2", "1"], found.ToArray().Select(group => group.Members[0].Name));
    }

    [Fact]
    public void A_plain_picture_is_like_no_other()
    {
        var plain = new byte[64 * 64 * 3];
        Array.Fill(plain, (byte)200);
        Assert.Null(PictureHash.Of(new(64, 64, plain)));
    }

    /// <summary>As many images that are the same but for noise as would take minutes if each were compared with each.</summary>
    [Fact]
    public void Thousands_that_look_alike_are_one_group_quickly()
    {
        const int Many = 20_000;
        var hash = PictureHash.Of(Picture(1))!;
        var found = new NearDuplicates();
        for (var i = 0; i < Many; i++)
            found.Add(hash, Image(i, Split.Train));
        Assert.Equal(Many, Assert.Single(found.ToArray()).Members.Length);
    }

    private static CheckedImage Image(int number, Split split) => new(split, 0, "", 0, $"{number}");

    /// <summary>A picture of soft patches of random colours.</summary>
    private static RgbImage Picture(int seed)
    {
        var pixels = new byte[9 * 9 * 3];
        new Random(seed).NextBytes(pixels);
        return Scaled(new(9, 9, pixels), 64);
    }

    private static RgbImage Scaled(RgbImage image, int side)
    {
        var pixels = new byte[side * side * 3];
        Resize.Whole(new(image), side, side, pixels);
        return new(side, side, pixels);
    }

    private static RgbImage Changed(RgbImage image, string change) => change switch
    {
        "size" => Scaled(image, 150),
        "quality" => ImageCodec.Default.Decode(ImageCodec.Default.EncodeJpeg(image, 30), change),
        "brightness" => Each(image, value => value + 30),
        "contrast" => Each(image, value => (0.7 * (value - 128)) + 128),
        "mirror" => Mirrored(image),
        _ => Shifted(image),
    };

    private static RgbImage Each(RgbImage image, Func<byte, double> change) =>
        image with { Pixels = [.. image.Pixels.Select(value => (byte)Math.Clamp(change(value), 0, 255))] };

    private static RgbImage Noisy(RgbImage image, Random random, int most) => Each(image, value => value + random.Next(-most, most + 1));

    private static RgbImage Mirrored(RgbImage image) => image with
    {
        Pixels = [.. image.Pixels.Select((_, i) => image.Pixels[(i / (3 * image.Width) * 3 * image.Width) + (3 * (image.Width - 1 - (i / 3 % image.Width))) + (i % 3)])],
    };

    /// <summary>Without its first column: cut a little otherwise.</summary>
    private static RgbImage Shifted(RgbImage image) => new(
        image.Width - 1, image.Height, [.. Enumerable.Range(0, image.Height).SelectMany(y => image.Pixels.Skip(((y * image.Width) + 1) * 3).Take((image.Width - 1) * 3))]);
}
