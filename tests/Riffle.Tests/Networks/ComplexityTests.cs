using System.Text.Json;
using Riffle.Networks;

namespace Riffle.Tests.Networks;

public class ComplexityTests
{
    public static TheoryData<Preset, string, long, long> Pinned => Read("complexity.json");

    /// <summary>Counted on torchvision's own modules by Fixtures/make_complexity.py.</summary>
    public static TheoryData<Preset, string, long, long> OfTorchvision => Read("complexity.torchvision.json");

    [Theory]
    [MemberData(nameof(Pinned))]
    public void Totals_equal_the_pinned_ones(Preset preset, string name, long macs, long parameters) =>
        Assert.Equal((macs, parameters), Count(preset, name));

    [Theory]
    [MemberData(nameof(OfTorchvision))]
    public void Totals_equal_those_of_torchvision_s_networks(Preset preset, string name, long macs, long parameters) =>
        Assert.Equal((macs, parameters), Count(preset, name));

    [Theory]
    [InlineData("mobilenet-v2-x1.0", 3_504_872)]
    [InlineData("mobilenet-v3-large-x1.0", 5_483_032)]
    [InlineData("mobilenet-v3-small-x1.0", 2_542_856)]
    public void Parameters_are_as_many_as_torchvision_documents(string name, long parameters) =>
        Assert.Equal(parameters, Count(Preset.ImageNet, name).Parameters);

    private static (long Macs, long Parameters) Count(Preset preset, string name)
    {
        var complexity = Complexity.Of(NetworkCatalogue.Build(NetworkCatalogue.Resolve(name, preset)));
        return (complexity.Macs, complexity.Parameters);
    }

    private static TheoryData<Preset, string, long, long> Read(string fixture)
    {
        var data = new TheoryData<Preset, string, long, long>();
        using var pinned = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", fixture)));
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
