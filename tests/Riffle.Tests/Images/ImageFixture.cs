using System.Text.Json;

namespace Riffle.Tests.Images;

/// <summary>A small image of a format, and the pixels that Pillow makes of it (<c>Fixtures/make_image_formats.py</c>).</summary>
internal sealed record ImageFixture(string Name, byte[] File, int Width, byte[] Pixels, int Within)
{
    public static IReadOnlyList<ImageFixture> All { get; } = [.. Read()];

    public static ImageFixture Named(string name) => All.Single(fixture => fixture.Name == name);

    private static IEnumerable<ImageFixture> Read()
    {
        using var all = JsonDocument.Parse(System.IO.File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", "image_formats.json")));
        foreach (var entry in all.RootElement.EnumerateObject())
        {
            yield return new(
                entry.Name,
                entry.Value.GetProperty("file").GetBytesFromBase64(),
                entry.Value.GetProperty("width").GetInt32(),
                entry.Value.GetProperty("pixels").GetBytesFromBase64(),
                entry.Value.GetProperty("within").GetInt32());
        }
    }
}
