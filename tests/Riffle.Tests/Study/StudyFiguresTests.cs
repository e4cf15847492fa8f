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
        Assert.Equal([2, 3, 4, 5], StudyFigures.Tables.Select(table => table.Number));
        Assert.Equal(StudyFigures.Models.Order(), StudyFigures.Tables.SelectMany(table => table.Models).Distinct().Order());
        Assert.Equal(StudyFigures.Models.Order(), StudyFigures.Tables.Where(table => table.HasAccuracy).SelectMany(table => table.Models).Distinct().Order());
        Assert.Equal(15, StudyFigures.Tables[0].Models.Length);
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
