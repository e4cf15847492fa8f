using Riffle.Networks;
using Riffle.Study;

namespace Riffle.Tests.Study;

public class StudyFiguresTests
{
    [Fact]
    public void The_study_has_a_figure_for_twenty_networks()
    {
        Assert.Equal(20, StudyFigures.Models.Length);
        Assert.All(StudyFigures.Models, name => Assert.NotNull(StudyFigures.Of(name)));
        Assert.Subset(NetworkCatalogue.Names.ToHashSet(), StudyFigures.Models.ToHashSet());
        Assert.Equal(new StudyFigure(10.9, 52), StudyFigures.Of("shufflenet-v1-g3-x1.0"));
        Assert.Equal(new StudyFigure(1.8, 36), StudyFigures.Of("mobilenet-v1-x0.25"));
    }

    [Fact]
    public void Its_tables_hold_every_network_and_no_other()
    {
        Assert.Equal([1, 2, 3, 4, 5], StudyFigures.Tables.Select(table => table.Number));
        Assert.Equal(StudyFigures.Models.Order(), StudyFigures.Tables.SelectMany(table => table.Models).Distinct().Order());
        Assert.Equal(StudyFigures.Models.Order(), StudyFigures.Tables.Where(table => table.HasAccuracy).SelectMany(table => table.Models).Distinct().Order());
    }

    [Fact]
    public void Its_tables_have_its_rows_in_its_order()
    {
        var tables = StudyFigures.Tables.ToDictionary(table => table.Number);
        string[] scales = ["x1.0", "x0.5", "x0.25"];
        var v1 = from groups in (int[])[1, 2, 3, 4, 8] from scale in scales select $"shufflenet-v1-g{groups}-{scale}";
        Assert.Equal(v1.Where(name => name.EndsWith("x1.0", StringComparison.Ordinal)), tables[1].Models);
        Assert.Equal([.. scales.Select(scale => $"shufflenet-v1-g3-{scale}"), .. scales.Select(scale => $"mobilenet-v1-{scale}")], tables[2].Models.AsEnumerable());
        Assert.Equal(v1, tables[3].Models);
        Assert.Equal(v1, tables[4].Models);
        Assert.Equal(
            ["shufflenet-v1-g3-x1.0", "shufflenet-v1-g3-x0.5", "shufflenet-v2-x1.0", "shufflenet-v2-x0.5"], tables[5].Models.AsEnumerable());
        Assert.Equal([2, 3, 5], tables.Values.Where(table => table.HasAccuracy).Select(table => table.Number));
    }

    [Fact]
    public void Of_v1_and_MobileNet_the_study_counts_a_nearly_constant_part_of_the_multiply_adds()
    {
        // What design and papers say of the study; a figure mistyped by a fifth falls out of the range.
        foreach (var name in StudyFigures.Models.Where(name => !name.StartsWith("shufflenet-v2", StringComparison.Ordinal)))
        {
            var macs = Complexity.Of(NetworkCatalogue.Build(NetworkCatalogue.Resolve(name))).Macs;
            Assert.InRange(StudyFigures.Of(name)!.MegaFlops * 1e6 / macs, 0.515, 0.595);
        }
    }

    [Fact]
    public void A_network_that_the_study_did_not_train_has_none()
    {
        Assert.NotNull(StudyFigures.Of(NetworkCatalogue.Resolve("shufflenet-v1-g3-x1.0")));
        Assert.Null(StudyFigures.Of(NetworkCatalogue.Resolve("shufflenet-v1-g3-x1.0", imageSize: 64)));
        Assert.Null(StudyFigures.Of(NetworkCatalogue.Resolve("shufflenet-v1-g3-x1.0", Preset.ImageNet)));
        Assert.Null(StudyFigures.Of(NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.75")));
    }
}
