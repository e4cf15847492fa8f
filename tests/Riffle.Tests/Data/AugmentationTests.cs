using System.IO.Hashing;
using FsCheck;
using FsCheck.Fluent;
using Riffle.Data;

namespace Riffle.Tests.Data;

public class AugmentationTests
{
    private static readonly double[] Grey = [0.299, 0.587, 0.114];

    [Fact]
    public void Without_any_change_an_image_is_its_centre()
    {
        var stored = Noise(64, 1);
        var centre = new byte[56 * 56 * 3];
        ImageFit.CentreCrop(stored, 64, 56, centre);
        for (ulong i = 0; i < 10; i++)
            Assert.Equal(centre, Augmented(Augmentation.None, stored, 64, 56, i));
    }

    [Fact]
    public void Crop_and_flip_give_a_window_of_the_image_or_its_mirror_image() =>
        Prop.ForAll(
            (from side in Gen.Choose(1, 40)
             from size in Gen.Choose(1, side)
             from seed in Gen.Choose(0, 1000)
             select (side, size, seed)).ToArbitrary(),
            c =>
            {
                var stored = Noise(c.side, (ulong)c.seed);
                var got = Augmented(Augmentation.CropAndFlip, stored, c.side, c.size, (ulong)c.seed);
                return Windows(stored, c.side, c.size).Any(window => got.AsSpan().SequenceEqual(window));
            }).QuickCheckThrowOnFailure();

    [Fact]
    public void Every_place_and_both_directions_occur_about_equally_often()
    {
        var stored = Noise(6, 1);
        var windows = Windows(stored, 6, 4).ToArray();
        var counts = new int[windows.Length];
        for (ulong i = 0; i < 1800; i++)
        {
            var got = Augmented(Augmentation.CropAndFlip, stored, 6, 4, i);
            counts[Array.FindIndex(windows, window => window.AsSpan().SequenceEqual(got))]++;
        }

        Assert.Equal(18, counts.Length);
        Assert.All(counts, count => Assert.InRange(count, 65, 140));
    }

    [Fact]
    public void Mirrored_twice_an_image_is_itself() =>
        Prop.ForAll(Gen.Choose(1, 70).ToArbitrary(), side =>
        {
            var image = Noise(side, 3);
            var (once, twice) = (new byte[image.Length], new byte[image.Length]);
            Crop.Copy(image, side, 0, 0, side, mirrored: true, once);
            Crop.Copy(once, side, 0, 0, side, mirrored: true, twice);
            return twice.SequenceEqual(image) && (side == 1 || !once.SequenceEqual(image));
        }).QuickCheckThrowOnFailure();

    /// <summary>torchvision's three and the turn of the chroma, one after the other in double precision. The tolerance is rounding and the constants' four
    /// digits.</summary>
    [Fact]
    public void Colours_are_those_of_the_definitions_applied_in_turn() =>
        Prop.ForAll(
            (from side in Gen.Choose(1, 60)
             from seed in Gen.Choose(0, 1000)
             from percent in Gen.ArrayOf(Gen.Choose(0, 200), 3)
             from turn in Gen.Choose(-50, 50)
             select (side, seed, percent, turn)).ToArbitrary(),
            c =>
            {
                var (brightness, contrast, saturation, hue) = (c.percent[0] / 100f, c.percent[1] / 100f, c.percent[2] / 100f, c.turn / 100f);
                var image = Noise(c.side, (ulong)c.seed);
                var expected = Oracle(image, brightness, contrast, saturation, hue);
                ColourJitter.Apply(image, brightness, contrast, saturation, hue);
                return image.Zip(expected).All(p => Math.Abs(p.First - p.Second) <= 0.6);
            }).QuickCheckThrowOnFailure();

    /// <summary>Whole numbers leave no room for a machine of its own mind: a sum of 2^-16 levels, rounded half up and clamped.</summary>
    [Fact]
    public void Colours_have_these_bytes_on_every_machine()
    {
        var image = Noise(57, 11);
        ColourJitter.Apply(image, 1.15f, 0.85f, 1.1f, -0.03f);
        Assert.Equal(2064429143u, Crc32.HashToUInt32(Crc32ParameterSet.Crc32C, image));
    }

    [Fact]
    public void Each_pixel_is_mapped_alike_wherever_it_stands() =>
        Prop.ForAll(Gen.Choose(1, 1200).ToArbitrary(), place =>
        {
            // Without contrast a pixel's neighbours don't matter.
            var image = Noise(36, 2);
            var alone = image.AsSpan(place * 3, 3).ToArray();
            ColourJitter.Apply(image, 1.3f, 1, 0.6f, 0.2f);
            ColourJitter.Apply(alone, 1.3f, 1, 0.6f, 0.2f);
            return image.AsSpan(place * 3, 3).SequenceEqual(alone);
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(2, 2, 2, 0.5f)]
    [InlineData(2, 2, 2, -0.3f)]
    [InlineData(2, 2, 2, 1 / 6f)]
    [InlineData(0, 2, 2, 0.5f)]
    public void The_strongest_changes_of_the_extreme_colours_stay_within_the_range(float brightness, float contrast, float saturation, float hue)
    {
        var image = Enumerable.Range(0, 8).SelectMany(i => new[] { (byte)(i % 2 * 255), (byte)(i / 2 % 2 * 255), (byte)(i / 4 * 255) }).ToArray();
        var expected = Oracle(image, brightness, contrast, saturation, hue);
        ColourJitter.Apply(image, brightness, contrast, saturation, hue);
        Assert.All(image.Zip(expected), p => Assert.InRange(p.First - p.Second, -0.6, 0.6));
    }

    [Fact]
    public void A_factor_of_one_and_no_turn_change_nothing()
    {
        var image = Noise(37, 5);
        var copy = image.ToArray();
        ColourJitter.Apply(copy, 1, 1, 1, 0);
        Assert.Equal(image, copy);

        // The map itself, not only its being passed over: a turn by 1e-9 is the identity in steps of 2^-16.
        ColourJitter.Apply(copy, 1, 1, 1, 1e-9f);
        Assert.Equal(image, copy);
    }

    [Fact]
    public void Saturation_and_hue_leave_grey_pixels_alone()
    {
        var image = Enumerable.Range(0, 256).SelectMany(level => Enumerable.Repeat((byte)level, 3)).ToArray();
        var copy = image.ToArray();
        ColourJitter.Apply(copy, 1, 1, 1.7f, 0.3f);
        Assert.Equal(image, copy);
    }

    [Theory]
    [InlineData(1 / 3f, 1)]
    [InlineData(-1 / 3f, 2)]
    [InlineData(1f, 0)]
    public void A_third_of_a_turn_leads_from_red_to_green_or_blue(float turn, int channel)
    {
        byte[] pixel = [200, 60, 60];
        ColourJitter.Apply(pixel, 1, 1, 1, turn);
        Assert.Equal(pixel.Max(), pixel[channel]);
    }

    [Fact]
    public void A_switch_changes_nothing_but_its_own_effect()
    {
        var stored = Noise(64, 9);
        for (ulong i = 0; i < 20; i++)
        {
            var expected = Augmented(Augmentation.CropAndFlip, stored, 64, 56, i);
            var random = Random64.Create(i, 0);
            for (var skipped = 0; skipped < 3; skipped++)
                random.NextUInt64();
            var brightness = 1 + (0.4f * ((2 * random.NextFloat()) - 1));
            ColourJitter.Apply(expected, brightness, 1, 1, 0);
            Assert.Equal(expected, Augmented(Augmentation.CropAndFlip with { Brightness = 0.4f }, stored, 64, 56, i));
        }
    }

    /// <summary>In an image whose red grows to the right and whose green grows downwards, slopes tell how large a piece of it was scaled.</summary>
    [Fact]
    public void Scaled_crops_have_every_area_from_the_smallest_on_and_are_up_to_a_third_longer_than_wide()
    {
        const int side = 64, size = 48;
        const float smallest = 0.3f;
        var stored = new byte[side * side * 3];
        for (var i = 0; i < stored.Length; i += 3)
            (stored[i], stored[i + 1]) = ((byte)(4 * (i / 3 % side)), (byte)(4 * (i / 3 / side)));

        var augmentation = Augmentation.CropAndFlip with { SmallestArea = smallest };
        var (areas, aspects, flips) = (new List<double>(), new List<double>(), 0);
        for (ulong i = 0; i < 400; i++)
        {
            var got = Augmented(augmentation, stored, side, size, i);

            // A pixel from each edge the cut off triangle plays no part.
            var width = (got[(size - 2) * 3] - got[3]) / 4.0 * size / (size - 3);
            var height = (got[((size - 2) * size * 3) + 1] - got[(size * 3) + 1]) / 4.0 * size / (size - 3);
            flips += width < 0 ? 1 : 0;
            areas.Add(Math.Abs(width) * height / (side * side));
            aspects.Add(Math.Abs(width) / height);
        }

        // A border is rounded to a pixel, a level to a quarter of one.
        Assert.InRange(areas.Min(), smallest - 0.03, smallest + 0.03);
        Assert.InRange(areas.Max(), 0.95, 1.02);
        Assert.InRange(areas.Average(), 0.6, 0.68);
        Assert.InRange(aspects.Min(), 0.7, 0.8);
        Assert.InRange(aspects.Max(), 1.25, 1.42);
        Assert.InRange(flips, 160, 240);
    }

    [Theory]
    [InlineData(0f, 0, 0)]
    [InlineData(0.25f, 70, 130)]
    [InlineData(1f, 400, 400)]
    public void Of_scaled_crops_the_sharp_share_is_as_it_would_be_without_scaling(float share, int least, int most)
    {
        var stored = Noise(64, 8);
        var mixed = Augmentation.CropAndFlip with { SmallestArea = 0.3f, SharpShare = share };
        var sharp = 0;
        for (ulong i = 0; i < 400; i++)
        {
            var (got, cut, scaled) = (Augmented(mixed, stored, 64, 48, i), Augmented(Augmentation.CropAndFlip, stored, 64, 48, i),
                Augmented(mixed with { SharpShare = 0 }, stored, 64, 48, i));
            Assert.True(got.SequenceEqual(cut) || got.SequenceEqual(scaled));
            sharp += got.SequenceEqual(cut) ? 1 : 0;
        }

        Assert.InRange(sharp, least, most + 5); // a scaled crop may by chance be 48×48, too
    }

    [Fact]
    public void The_mirror_image_of_a_scaled_crop_is_that_crop_mirrored()
    {
        const int size = 48;
        var (stored, augmentation) = (Noise(64, 4), Augmentation.CropAndFlip with { SmallestArea = 0.3f });
        for (ulong i = 0; i < 20; i++)
        {
            var (expected, other) = (Augmented(augmentation, stored, 64, size, i), Augmented(augmentation, stored, 64, size, i, mirrored: true));
            for (var pixel = 0; pixel < size * size; pixel++)
            {
                var across = (pixel / size * size) + (size - 1 - (pixel % size));
                Assert.Equal(expected.AsSpan(pixel * 3, 3), other.AsSpan(across * 3, 3));
            }
        }
    }

    [Fact]
    public void Amounts_outside_their_range_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Augmentation.None with { Brightness = 1.01f });
        Assert.Throws<ArgumentOutOfRangeException>(() => Augmentation.None with { Contrast = -0.1f });
        Assert.Throws<ArgumentOutOfRangeException>(() => Augmentation.None with { Saturation = float.NaN });
        Assert.Throws<ArgumentOutOfRangeException>(() => Augmentation.None with { Hue = 0.51f });
        Assert.Throws<ArgumentOutOfRangeException>(() => Augmentation.None with { SmallestArea = 1.1f });
        Assert.Throws<ArgumentOutOfRangeException>(() => Augmentation.None with { SharpShare = 1.1f });
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        var (stored, result) = (Noise(64, 1), new byte[56 * 56 * 3]);
        var random = Random64.Create(1, 0);
        var scaled = Augmentation.Full with { SmallestArea = 0.3f };
        void Run()
        {
            for (var i = 0; i < 200; i++)
            {
                Augmentation.Full.Apply(stored, 64, 56, ref random, result);
                scaled.Apply(stored, 64, 56, ref random, result);
            }
        }

        // Crops of every size have been there once: what they need lies in the pool.
        Run();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Run();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static byte[] Augmented(Augmentation augmentation, byte[] stored, int side, int size, ulong seed, bool mirrored = false)
    {
        var result = new byte[size * size * 3];
        var random = Random64.Create(seed, 0);
        augmentation.Apply(stored, side, size, ref random, result, mirrored);
        return result;
    }

    private static IEnumerable<byte[]> Windows(byte[] stored, int side, int size)
    {
        for (var place = 0; place < 2 * (side - size + 1) * (side - size + 1); place++)
        {
            var (left, top, mirrored) = (place / 2 % (side - size + 1), place / 2 / (side - size + 1), place % 2 == 1);
            var window = new byte[size * size * 3];
            for (var i = 0; i < window.Length; i++)
            {
                var (x, y, channel) = (i / 3 % size, i / 3 / size, i % 3);
                window[i] = stored[((((top + y) * side) + left + (mirrored ? size - 1 - x : x)) * 3) + channel];
            }

            yield return window;
        }
    }

    private static double[] Oracle(byte[] pixels, double brightness, double contrast, double saturation, double hue)
    {
        double GreyOf(double[] image, int pixel) => (Grey[0] * image[pixel * 3]) + (Grey[1] * image[(pixel * 3) + 1]) + (Grey[2] * image[(pixel * 3) + 2]);

        var count = pixels.Length / 3;
        var image = pixels.Select(p => p * brightness).ToArray();
        var mean = Enumerable.Range(0, count).Average(p => GreyOf(image, p));
        image = [.. image.Select(p => (contrast * p) + ((1 - contrast) * mean))];
        image = [.. image.Select((p, i) => (saturation * p) + ((1 - saturation) * GreyOf(image, i / 3)))];
        for (var p = 0; p < count; p++)
        {
            var (r, g, b) = (image[p * 3], image[(p * 3) + 1], image[(p * 3) + 2]);
            var (y, i, q) = (GreyOf(image, p), (0.595716 * r) - (0.274453 * g) - (0.321263 * b), (0.211456 * r) - (0.522591 * g) + (0.311135 * b));
            var (sine, cosine) = Math.SinCos(-2 * Math.PI * hue);
            (i, q) = ((cosine * i) - (sine * q), (sine * i) + (cosine * q));

            // YIQ to RGB, with the constants that the standard gives to four digits.
            image[p * 3] = y + (0.9563 * i) + (0.6210 * q);
            image[(p * 3) + 1] = y - (0.2721 * i) - (0.6474 * q);
            image[(p * 3) + 2] = y - (1.1070 * i) + (1.7046 * q);
        }

        return [.. image.Select(p => Math.Clamp(p, 0, 255))];
    }

    private static byte[] Noise(int side, ulong seed)
    {
        var random = Random64.Create(seed, 99);
        var image = new byte[side * side * 3];
        for (var i = 0; i < image.Length; i++)
            image[i] = (byte)random.Next(256);
        return image;
    }
}
