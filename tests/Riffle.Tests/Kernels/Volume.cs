namespace Riffle.Tests.Kernels;

/// <summary>Images×channels×height×width in double precision: what the oracle computes with.</summary>
internal sealed class Volume(int images, int channels, int height, int width)
{
    public int Images { get; } = images;

    public int Channels { get; } = channels;

    public int Height { get; } = height;

    public int Width { get; } = width;

    public double[] Values { get; } = new double[images * channels * height * width];

    public ref double this[int n, int c, int y, int x] => ref Values[((n * Channels + c) * Height + y) * Width + x];

    /// <summary>The value, or what lies around the image.</summary>
    public double At(int n, int c, int y, int x, double outside) => y < 0 || y >= Height || x < 0 || x >= Width ? outside : this[n, c, y, x];

    public static Volume Create(int images, int channels, int height, int width, Func<int, int, int, int, double> value)
    {
        var volume = new Volume(images, channels, height, width);
        for (var n = 0; n < images; n++)
        {
            for (var c = 0; c < channels; c++)
            {
                for (var y = 0; y < height; y++)
                {
                    for (var x = 0; x < width; x++)
                        volume[n, c, y, x] = value(n, c, y, x);
                }
            }
        }

        return volume;
    }
}
