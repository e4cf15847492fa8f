using System.Buffers.Binary;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Images;

public class ExifTests
{
    static readonly RgbImage Stored = TestImages.Noise(5, 3);

    /// <summary>Where a pixel of the upright picture lies in the stored one, as the EXIF standard puts it: which edges row 0 and column 0 stand for.</summary>
    [Theory]
    [InlineData(1, "top", "left")]
    [InlineData(2, "top", "right")]
    [InlineData(3, "bottom", "right")]
    [InlineData(4, "bottom", "left")]
    [InlineData(5, "left", "top")]
    [InlineData(6, "right", "top")]
    [InlineData(7, "right", "bottom")]
    [InlineData(8, "left", "bottom")]
    public void A_picture_is_turned_upright(int orientation, string row0, string column0)
    {
        var upright = Exif.Apply(Stored, orientation);
        bool turned = row0 is "left" or "right";
        Assert.Equal(turned ? (3, 5) : (5, 3), (upright.Width, upright.Height));
        for (int row = 0; row < Stored.Height; row++)
            for (int column = 0; column < Stored.Width; column++)
            {
                int x = From(turned ? row0 : column0, turned ? row : column), y = From(turned ? column0 : row0, turned ? column : row);
                Assert.Equal(Pixel(Stored, row, column), Pixel(upright, y, x));
            }

        // How far a stored row or column is from the edge that the picture shows on that side.
        int From(string edge, int index) => edge switch
        {
            "top" or "left" => index,
            _ => (turned == (edge == "right") ? Stored.Height : Stored.Width) - 1 - index,
        };
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_orientation_is_found_in_both_byte_orders_and_in_both_formats(bool little)
    {
        for (int orientation = 1; orientation <= 8; orientation++)
        {
            byte[] tiff = Tiff(little, orientation);
            Assert.Equal(orientation, Exif.Orientation(tiff));
            byte[] png = TestImages.Png(Stored, ("eXIf", tiff));
            Assert.Equal(Exif.Apply(Stored, orientation).Pixels, ImageDecoder.Decode(png, "png").Pixels);

            byte[] plain = JpegEncoder.Encode(Stored);
            byte[] jpeg = TestImages.WithSegment(plain, 0xE1, [.. "Exif\0\0"u8, .. tiff]);
            jpeg = TestImages.WithSegment(jpeg, 0xE1, [.. "http://ns.adobe.com/xap/1.0/\0"u8, 0xFF, 0xD9]);
            Assert.Equal(Exif.Apply(ImageDecoder.Decode(plain, "plain"), orientation).Pixels, ImageDecoder.Decode(jpeg, "jpeg").Pixels);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    [InlineData(65535)]
    public void A_value_that_means_nothing_leaves_the_picture(int value) => Assert.Equal(1, Exif.Orientation(Tiff(true, value)));

    [Fact]
    public void Damaged_notes_do_no_harm()
    {
        foreach (bool little in new[] { true, false })
            foreach (byte[] damaged in Damage.Of(Tiff(little, 6)))
            {
                Assert.InRange(Exif.Orientation(damaged), 1, 8);
                byte[] jpeg = TestImages.WithSegment(JpegEncoder.Encode(Stored), 0xE1, [.. "Exif\0\0"u8, .. damaged]);
                Assert.Equal(45, ImageDecoder.Decode(jpeg, "jpeg").Pixels.Length);
            }
    }

    static (byte, byte, byte) Pixel(RgbImage image, int row, int column)
    {
        int at = (row * image.Width + column) * 3;
        return (image.Pixels[at], image.Pixels[at + 1], image.Pixels[at + 2]);
    }

    /// <summary>A TIFF header and a directory of two entries, the second of them the orientation.</summary>
    static byte[] Tiff(bool little, int orientation)
    {
        var tiff = new byte[8 + 2 + 2 * 12 + 4];
        (little ? "II"u8 : "MM"u8).CopyTo(tiff);
        Put16(2, 42);
        Put32(4, 8);
        Put16(8, 2);
        Entry(10, 0x0100, 4);
        Put32(18, 5);
        Entry(22, 0x0112, 3);
        Put16(30, orientation);
        return tiff;

        void Entry(int at, int tag, int type)
        {
            Put16(at, tag);
            Put16(at + 2, type);
            Put32(at + 4, 1);
        }

        void Put16(int at, int value)
        {
            if (little) BinaryPrimitives.WriteUInt16LittleEndian(tiff.AsSpan(at), (ushort)value);
            else BinaryPrimitives.WriteUInt16BigEndian(tiff.AsSpan(at), (ushort)value);
        }

        void Put32(int at, uint value)
        {
            if (little) BinaryPrimitives.WriteUInt32LittleEndian(tiff.AsSpan(at), value);
            else BinaryPrimitives.WriteUInt32BigEndian(tiff.AsSpan(at), value);
        }
    }
}
