using FsCheck;
using FsCheck.Fluent;
using Google.Protobuf;
using Riffle.Formats;
using Riffle.Formats.Protos;

namespace Riffle.Tests.Formats;

public class ImageExampleTests
{
    static readonly ImageExample Sample = new()
    {
        Encoded = new byte[] { 0xFF, 0xD8, 0xFF },
        Format = "JPEG",
        Height = 64,
        Width = 48,
        Label = 7,
        Synset = "n01443537",
        Text = "goldfish, Carassius auratus",
        FileName = "n01443537_0.JPEG",
    };

    [Fact]
    public void What_is_written_is_read()
    {
        var examples =
            from encoded in ArbMap.Default.GeneratorFor<byte[]>()
            from text in ArbMap.Default.GeneratorFor<NonNull<string>>()
            from numbers in ArbMap.Default.GeneratorFor<(PositiveInt Height, PositiveInt Width, NonNegativeInt Label)>()
            from oneHot in ArbMap.Default.GeneratorFor<float[]>().OrNull()
            select Sample with
            {
                Encoded = encoded,
                Text = new string([.. text.Get.Where(c => !char.IsSurrogate(c))]),
                Height = numbers.Height.Get,
                Width = numbers.Width.Get,
                Label = numbers.Label.Get,
                OneHot = oneHot,
            };
        Prop.ForAll(examples.ToArbitrary(), example =>
        {
            var read = ImageExample.Parse(example.ToBytes());
            Assert.Equal(example.Encoded.ToArray(), read.Encoded.ToArray());
            Assert.Equal(example.OneHot, read.OneHot);
            Assert.Equal(example, read with { Encoded = example.Encoded, OneHot = example.OneHot });
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void The_same_example_gives_the_same_bytes() => Assert.Equal(Sample.ToBytes(), (Sample with { }).ToBytes());

    [Theory]
    [InlineData("image/encoded")]
    [InlineData("image/format")]
    [InlineData("image/height")]
    [InlineData("image/width")]
    [InlineData("image/class/label")]
    [InlineData("image/class/synset")]
    [InlineData("image/class/text")]
    [InlineData("image/filename")]
    public void A_feature_that_is_missing_or_of_the_wrong_kind_is_named(string key)
    {
        var example = Example.Parser.ParseFrom(Sample.ToBytes());
        example.Features.Feature[key] = new Feature { FloatList = new FloatList { Value = { 1 } } };
        Assert.Contains($"'{key}'", Assert.Throws<BadDataException>(() => ImageExample.Parse(example.ToByteArray())).Message);
        example.Features.Feature.Remove(key);
        Assert.Contains($"'{key}' is missing", Assert.Throws<BadDataException>(() => ImageExample.Parse(example.ToByteArray())).Message);
    }

    [Theory]
    [InlineData("image/height", 0)]
    [InlineData("image/class/label", -1)]
    [InlineData("image/width", 1L << 32)]
    public void A_number_out_of_range_is_named(string key, long value)
    {
        var example = Example.Parser.ParseFrom(Sample.ToBytes());
        example.Features.Feature[key].Int64List.Value[0] = value;
        Assert.Contains($"'{key}'", Assert.Throws<BadDataException>(() => ImageExample.Parse(example.ToByteArray())).Message);
    }

    [Fact]
    public void Damage_gives_bad_data_and_nothing_else()
    {
        byte[] whole = (Sample with { OneHot = [0, 1, 0] }).ToBytes();
        int noticed = 0;
        foreach (byte[] damaged in Damage.Of(whole))
        {
            try
            {
                ImageExample.Parse(damaged);
            }
            catch (BadDataException)
            {
                noticed++;
            }
        }

        Assert.InRange(noticed, whole.Length, int.MaxValue);
    }
}
