using System.Text.RegularExpressions;
using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Models;
using Riffle.Study;
using Riffle.Tests.Cli;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Study;

/// <summary>The shipped networks and the real data set, prepared from its archive.</summary>
[Trait("Category", "study")]
public sealed class TinyImageNetTests : IClassFixture<TinyImageNetTests.PreparedImages>
{
    readonly PreparedImages _images;

    public TinyImageNetTests(PreparedImages images) => _images = images;

    public static TheoryData<string> Networks => [.. StudyFigures.Models];

    [TinyImageNetTheory]
    [MemberData(nameof(Networks))]
    public void A_shipped_network_is_as_accurate_as_its_file_says(string network)
    {
        var checkpoint = Checkpoint.Load(Path.Combine(Shell.Root, "models", network + ".safetensors"));
        var result = Evaluator.Evaluate(checkpoint, Dataset.Open(_images.Folder, ImageCodec.Default));

        // The last bits of logits depend on the width of the vectors, and two images may hang on them.
        Assert.Equal(checkpoint.Training!.Measured!.Validation.Top1, result.Top1, 0.025);
    }

    [TinyImageNetFact]
    public void The_first_steps_of_teachers_and_of_the_smallest_network_give_the_same_bits_again()
    {
        using var folder = new TemporaryFolder();
        var (shipped, network) = (Path.Combine(Shell.Root, "models"), "shufflenet-v1-g2-x0.25");
        var models = Directory.CreateDirectory(folder.PathOf("models")).FullName;
        Directory.CreateDirectory(Path.Combine(models, "teachers"));
        foreach (var file in Directory.GetFiles(Path.Combine(shipped, "teachers")).Append(Path.Combine(shipped, network + ".safetensors")))
            File.Copy(file, Path.Combine(models, Path.GetRelativePath(shipped, file)));
        var verified = Shell.Riffle("reproduce", "--data", _images.Folder, "--out", folder.PathOf(""), "--models", network, "--verify");
        Assert.True(verified.ExitCode == 0, verified.Output + verified.Error);
        Assert.Equal(3, Regex.Count(verified.Output, "the same"));
    }

    /// <summary>The data set.</summary>
    public sealed class PreparedImages : IDisposable
    {
        readonly TemporaryFolder _folder = new();

        public PreparedImages()
        {
            if (ExternalData.TinyImageNet is { } archive)
                Preparation.Run(archive, Folder, new PreparationOptions(), ImageCodec.Default);
        }

        public string Folder => _folder.PathOf("tiny");

        public void Dispose() => _folder.Dispose();
    }
}
