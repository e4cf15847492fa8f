using System.Text.Json;
using Riffle.Formats;

namespace Riffle.Tests.Formats;

public class CanonicalFormTests
{
    /// <summary>Fixtures/make_canonical_forms.py: decomposed and composed characters, singletons, marks in any order, syllables of Hangul.</summary>
    [Fact]
    public void Texts_become_what_Python_makes_of_them()
    {
        var file = Path.Combine(AppContext.BaseDirectory, "Fixtures", "canonical_forms.json");
        var pairs = JsonSerializer.Deserialize<string[][]>(File.ReadAllBytes(file))!;
        Assert.InRange(pairs.Count(pair => pair[0] != pair[1]), 400, pairs.Length);
        Assert.All(pairs, pair => Assert.Equal(pair[1], CanonicalForm.Compose(pair[0])));
        Assert.All(pairs, pair => Assert.Equal(pair[1], CanonicalForm.Compose(pair[1])));
    }

    [Fact]
    public void Halves_of_surrogate_pairs_and_plain_text_stay() =>
        Assert.All(
            ["", "plain", "caf\u00e9", "\ud800a\u0301", "a\udc00", "\ud800"],
            text => Assert.Equal(text.Replace("a\u0301", "\u00e1", StringComparison.Ordinal), CanonicalForm.Compose(text)));
}
