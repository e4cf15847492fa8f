using System.Collections.Immutable;
using Riffle.Networks;
using Riffle.Reports.Documents;
using Riffle.Study.Drawings;

namespace Riffle.Study;

/// <summary>The study's figures, drawn from the description of the networks.</summary>
internal static class FigureSections
{
    /// <summary>The study's network with three groups. Its stage 3 has units of both strides in which both convolutions have groups.</summary>
    private const string V1 = "shufflenet-v1-g3-x1.0", V2 = "shufflenet-v2-x1.0", WithoutStride = "stage3.1", WithStride = "stage3.0";

    /// <summary>So few channels in each group that every one can be drawn.</summary>
    private const int Groups = 3, ChannelsOfGroup = 3;

    public static ImmutableArray<Section> All { get; } = [GroupConvolutions(), Units()];

    private static Section GroupConvolutions() => new(
        "figure-1",
        "Figure 1: Group convolutions without and with channel shuffle",
        [
            new Paragraph(
                $"Two group convolutions of {Groups} groups, with {ChannelsOfGroup} channels in each. The colours of a channel are the groups of the input that it "
                + "depends on. Without a shuffle, the groups never learn of each other. With a shuffle between the convolutions, every output depends on every group."),
            new PicturesBlock([Chain("Without channel shuffle", shuffles: false), Chain("With channel shuffle", shuffles: true)]),
        ]);

    private static Section Units() => new(
        "figure-2",
        "Figure 2: The units",
        [
            new Paragraph(
                "The units of ShuffleNet v1 and v2 that keep the size of the image and those that halve it, as the networks of this report have them. The "
                + "command riffle draw draws any unit of any network, and whole networks."),
            new PicturesBlock(
            [
                Unit("ShuffleNet v1, stride 1", V1, WithoutStride), Unit("ShuffleNet v1, stride 2", V1, WithStride),
                Unit("ShuffleNet v2, stride 1", V2, WithoutStride), Unit("ShuffleNet v2, stride 2", V2, WithStride),
            ]),
        ]);

    private static Drawing Chain(string title, bool shuffles)
    {
        var builder = new NetworkBuilder();
        var width = Groups * ChannelsOfGroup;
        var x = builder.Convolution("first", builder.Input(1, 1, width), width, kernel: 1, groups: Groups);
        if (shuffles)
            x = builder.ChannelShuffle(x, Groups);
        builder.Convolution("second", x, width, kernel: 1, groups: Groups);
        return ChannelDrawing.Of(title, builder.Build(title), Groups);
    }

    private static Drawing Unit(string title, string model, string unit) =>
        NetworkDrawing.Of(NetworkCatalogue.Build(NetworkCatalogue.Resolve(model)), unit) with { Title = title };
}
