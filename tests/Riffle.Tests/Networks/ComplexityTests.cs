using System.Text.Json;
using Riffle.Networks;

namespace Riffle.Tests.Networks;

public class ComplexityTests
{
    [Theory]
    [MemberData(nameof(Pinned))]
    public void Totals_equal_the_pinned_ones(Preset preset, string name, long macs, long parameters)
    {
        var complexity = Complexity.Of(NetworkCatalogue.Build(NetworkCatalogue.Resolve(name, preset)));
        Assert.Equal((macs, parameters), (complexity.Macs, complexity.Parameters));
    }

    public static TheoryData<Preset, string, long, long> Pinned()
    {
        var data = new TheoryData<Preset, string, long, long>();
        using var pinned = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", "complexity.json")));
        foreach (var preset in pinned.RootElement.EnumerateObject())
        {
            foreach (var model in preset.Value.EnumerateObject())
            {
                data.Add(Enum.Parse<Preset>(preset.Name, ignoreCase: true), model.Name, model.Value.GetProperty("macs").GetInt64(),
                    model.Value.GetProperty("parameters").GetInt64());
            }
        }

        return data;
    }
}
