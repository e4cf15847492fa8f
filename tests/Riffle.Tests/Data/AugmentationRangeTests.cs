using FsCheck;
using FsCheck.Fluent;
using Riffle.Data;

namespace Riffle.Tests.Data;

/// <summary>Whatever an augmentation does, an image stays one.</summary>
public class AugmentationRangeTests
{
    private const byte Untouched = 0xA5;

    private static readonly Arbitrary<(Augmentation Augmentation, int Side, int Size, ulong Seed)> Cases =
        (from side in Gen.Choose(1, 48)
         from size in Gen.Choose(1, side)
         from crop in Gen.Elements(true, false)
         from flip in Gen.Elements(true, false)
         from amounts in Gen.Choose(0, 100).ArrayOf(3)
         from hue in Gen.Choose(0, 50)
         from crops in Gen.Choose(0, 100).ArrayOf(2)
         from seed in Gen.Choose(0, int.MaxValue)
         select (new Augmentation
         {
             RandomCrop = crop,
             Flip = flip,
             Brightness = amounts[0] / 100f,
             Contrast = amounts[1] / 100f,
             Saturation = amounts[2] / 100f,
             Hue = hue / 100f,
             SmallestArea = crops[0] / 100f,
             SharpShare = crops[1] / 100f,
         }, side, size, (ulong)seed)).ToArbitrary();

    [Fact]
    public void The_square_is_filled_and_nothing_behind_it() => Prop.ForAll(Cases, c =>
    {
        var stored = new byte[c.Side * c.Side * 3];
        new Random((int)c.Seed).NextBytes(stored);
        var before = stored.ToArray();
        var (one, other) = (Augmented(c, stored, 0), Augmented(c, stored, 255));
        Assert.Equal(before, stored);
        Assert.Equal(one, other); // so that each byte was written, whatever was there
    }).QuickCheckThrowOnFailure();

    /// <summary>Black and white are the ends of the range, where a value that ran over would come out at the other end.</summary>
    [Fact]
    public void Black_stays_black_and_white_grows_no_darker_than_the_brightness_allows() => Prop.ForAll(Cases, c =>
    {
        Assert.All(Augmented(c, new byte[c.Side * c.Side * 3], 1), value => Assert.Equal(0, value));
        var white = Augmented(c, [.. Enumerable.Repeat((byte)255, c.Side * c.Side * 3)], 1);
        Assert.All(white, value => Assert.InRange(value, (255 * (1 - c.Augmentation.Brightness)) - 1, 255));
        Assert.InRange(white.Max() - white.Min(), 0, 1); // the three colours are rounded each for itself
    }).QuickCheckThrowOnFailure();

    /// <summary>The same random numbers are drawn whatever is switched on: what comes after is the same.</summary>
    [Fact]
    public void Every_augmentation_draws_as_many_random_numbers() => Prop.ForAll(Cases, c =>
    {
        ulong After(Augmentation augmentation)
        {
            var random = Random64.Create(c.Seed, 0);
            augmentation.Apply(new byte[c.Side * c.Side * 3], c.Side, c.Size, ref random, new byte[c.Size * c.Size * 3]);
            return random.NextUInt64();
        }

        Assert.Equal(After(Augmentation.None), After(c.Augmentation));
    }).QuickCheckThrowOnFailure();

    private static byte[] Augmented((Augmentation Augmentation, int Side, int Size, ulong Seed) c, byte[] stored, byte before)
    {
        var length = c.Size * c.Size * 3;
        byte[] result = [.. Enumerable.Repeat(before, length), .. Enumerable.Repeat(Untouched, 64)];
        var random = Random64.Create(c.Seed, 0);
        c.Augmentation.Apply(stored, c.Side, c.Size, ref random, result.AsSpan(0, length));
        Assert.All(result[length..], value => Assert.Equal(Untouched, value));
        return result[..length];
    }
}
