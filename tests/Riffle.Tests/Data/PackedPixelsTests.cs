using FsCheck;
using FsCheck.Fluent;
using Riffle.Data;

namespace Riffle.Tests.Data;

public class PackedPixelsTests
{
    [Fact]
    public void A_pixel_is_one_word_with_red_lowest() =>
        Prop.ForAll(Gen.Choose(0, 100).ToArbitrary(), count =>
        {
            var (pixels, words) = (Noise(count), Words(room: count + 3));
            PackedPixels.Read(pixels, words);
            return Enumerable.Range(0, words.Length).All(i =>
                words[i] == (i < count ? pixels[i * 3] | ((uint)pixels[(i * 3) + 1] << 8) | ((uint)pixels[(i * 3) + 2] << 16) : 0));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Written_pixels_are_those_that_were_read_and_nothing_behind_them_is_touched() =>
        Prop.ForAll(Gen.Choose(0, 100).ToArbitrary(), count =>
        {
            var (pixels, words, written) = (Noise(count), Words(room: count), new byte[(count * 3) + 16]);
            PackedPixels.Read(pixels, words);
            PackedPixels.Write(words, written.AsSpan(0, count * 3));
            return written.AsSpan(0, count * 3).SequenceEqual(pixels) && !written.AsSpan(count * 3).ContainsAnyExcept((byte)0);
        }).QuickCheckThrowOnFailure();

    private static byte[] Noise(int count)
    {
        var pixels = new byte[count * 3];
        new Random(count).NextBytes(pixels);
        return pixels;
    }

    private static uint[] Words(int room)
    {
        var words = new uint[room];
        words.AsSpan().Fill(uint.MaxValue);
        return words;
    }
}
