namespace Riffle.Data;

/// <summary>
/// Draws images of simple shapes, one shape per class. Colours, position, size, rotation and noise are random and independent of the class, so only the shape
/// distinguishes the classes.
/// </summary>
internal static class DemoImages
{
    private const int Quality = 90;
    private const int LeastSide = 64;
    private const int GreatestSide = 96;

    /// <summary>A figure as a signed distance: about how far (x, y) is from its edge, negative inside. Its radius is 1.</summary>
    private delegate float Figure(float x, float y);

    private static readonly (string Name, Figure Distance)[] Figures =
    [
        ("checkerboard", (x, y) => Either(Bands(x), Bands(y))),
        ("cross", (x, y) => MathF.Min(Box(x, y, 1, 0.3f), Box(x, y, 0.3f, 1))),
        ("disc", (x, y) => Disc(x, y, 0.9f)),
        ("ring", (x, y) => MathF.Abs(Disc(x, y, 0.8f)) - 0.15f),
        ("square", (x, y) => Box(x, y, 0.8f, 0.8f)),
        ("star", Star),
        ("stripes", (x, _) => Bands(x)),
        ("triangle", (x, y) => MathF.Max(-y, (y + (MathF.Abs(x) * 1.7320508f)) / 2) - 0.5f),
    ];

    /// <summary>The classes' names, sorted.</summary>
    public static IReadOnlyList<string> Classes { get; } = [.. Figures.Select(figure => figure.Name)];

    /// <summary>Writes JPEGs into class folders below <c>train</c> and <c>val</c>. The same seed draws the same images.</summary>
    /// <param name="directory">The folder to write. Existing content is replaced once all images are drawn.</param>
    /// <param name="train">Training images of each class.</param>
    /// <param name="validation">Validation images of each class.</param>
    /// <param name="seed">The seed of the images.</param>
    /// <param name="codec">Encodes them.</param>
    /// <param name="progress">Receives the number of finished images.</param>
    /// <param name="cancel">Stops the drawing. Existing content stays.</param>
    public static void Write(
        string directory, int train, int validation, ulong seed, IImageCodec codec, Action<long>? progress = null, CancellationToken cancel = default)
    {
        // Write them to another folder first and move it in one step, so that an incomplete set is never visible.
        var aside = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory)) + ".new";
        DeleteIfThere(aside);
        var done = 0;
        foreach (var (split, images) in new[] { ("train", train), ("val", validation) })
        {
            for (var index = 0; index < Figures.Length; index++)
            {
                var folder = Directory.CreateDirectory(Path.Combine(aside, split, Figures[index].Name)).FullName;
                for (var i = 0; i < images; i++)
                {
                    cancel.ThrowIfCancellationRequested();
                    var number = split == "train" ? i : train + i;
                    File.WriteAllBytes(Path.Combine(folder, $"{Figures[index].Name}-{number:0000}.jpg"), codec.EncodeJpeg(Draw(index, number, seed), Quality));
                    progress?.Invoke(++done);
                }
            }
        }

        DeleteIfThere(directory);
        Directory.Move(aside, directory);
    }

    /// <summary>Draws one image.</summary>
    /// <param name="index">The class, an index into <see cref="Classes"/>.</param>
    /// <param name="number">The number of the image in its class; each number gives a different image.</param>
    /// <param name="seed">The seed of the images.</param>
    public static RgbImage Draw(int index, int number, ulong seed)
    {
        var random = Random64.Create(seed, (ulong)index, (ulong)number);
        var (width, height) = (LeastSide + random.Next(GreatestSide - LeastSide + 1), LeastSide + random.Next(GreatestSide - LeastSide + 1));
        var side = Math.Min(width, height);
        var radius = side * Between(ref random, 0.22f, 0.36f);
        var (centreX, centreY) = ((width / 2f) + (side * Between(ref random, -0.1f, 0.1f)), (height / 2f) + (side * Between(ref random, -0.1f, 0.1f)));
        var (sin, cos) = MathF.SinCos(Between(ref random, 0, MathF.Tau));
        var (figure, ground) = Colours(ref random);
        var noise = Between(ref random, 4, 16);
        var distance = Figures[index].Distance;

        var pixels = new byte[width * height * 3];
        for (var row = 0; row < height; row++)
        {
            for (var column = 0; column < width; column++)
            {
                var (dx, dy) = ((column - centreX) / radius, (row - centreY) / radius);
                // The edge is one pixel wide, half covered at distance zero.
                var covered = Math.Clamp(0.5f - (radius * distance((dx * cos) + (dy * sin), (dy * cos) - (dx * sin))), 0, 1);
                for (var colour = 0; colour < 3; colour++)
                {
                    var value = ground[colour] + (covered * (figure[colour] - ground[colour])) + (noise * random.NextGaussian());
                    pixels[(((row * width) + column) * 3) + colour] = (byte)Math.Clamp(value + 0.5f, 0, 255);
                }
            }
        }

        return new RgbImage(width, height, pixels);
    }

    /// <summary>Two colours, from 0 to 255, that differ enough in lightness to be told apart; either may be the lighter one.</summary>
    private static (float[] Figure, float[] Ground) Colours(ref Random64 random)
    {
        while (true)
        {
            float[] figure = [255 * random.NextFloat(), 255 * random.NextFloat(), 255 * random.NextFloat()];
            float[] ground = [255 * random.NextFloat(), 255 * random.NextFloat(), 255 * random.NextFloat()];
            if (MathF.Abs(Lightness(figure) - Lightness(ground)) > 50)
                return (figure, ground);
        }
    }

    /// <summary>Luma of ITU-R BT.601.</summary>
    private static float Lightness(float[] colour) => (0.299f * colour[0]) + (0.587f * colour[1]) + (0.114f * colour[2]);

    private static float Between(ref Random64 random, float least, float greatest) => least + ((greatest - least) * random.NextFloat());

    private static float Disc(float x, float y, float radius) => MathF.Sqrt((x * x) + (y * y)) - radius;

    private static float Box(float x, float y, float halfWidth, float halfHeight) => MathF.Max(MathF.Abs(x) - halfWidth, MathF.Abs(y) - halfHeight);

    /// <summary>Bands of width 0.4 along y, 0.4 apart.</summary>
    private static float Bands(float x) => MathF.Abs((x / 0.8f) - MathF.Floor(x / 0.8f) - 0.5f) * 0.8f - 0.2f;

    /// <summary>In one or the other, not in both.</summary>
    private static float Either(float a, float b) => MathF.Max(MathF.Min(a, b), -MathF.Max(a, b));

    /// <summary>Five points: all are folded onto the upper half of one, whose edge runs from (1, 0) to radius 0.4 at 36°.</summary>
    private static float Star(float x, float y)
    {
        const float Fifth = MathF.Tau / 5;
        var angle = MathF.Atan2(y, x);
        angle = MathF.Abs(angle - (MathF.Round(angle / Fifth) * Fifth));
        var radius = MathF.Sqrt((x * x) + (y * y));
        var (px, py) = (radius * MathF.Cos(angle), radius * MathF.Sin(angle));
        // Normal of the edge from (1, 0) to 0.4·(cos 36°, sin 36°).
        const float EdgeX = 0.32360680f - 1, EdgeY = 0.23511410f, Length = 0.71605f;
        return (((px - 1) * EdgeY) - (py * EdgeX)) / Length;
    }

    private static void DeleteIfThere(string directory)
    {
        if (Directory.Exists(directory))
            Directory.Delete(directory, recursive: true);
    }
}
