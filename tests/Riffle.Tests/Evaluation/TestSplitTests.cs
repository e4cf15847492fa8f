using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Tests.Data;
using Riffle.Tests.Formats;
using Riffle.Training;

namespace Riffle.Tests.Evaluation;

/// <summary>The test images of a data set: measured when asked for, and never read by a training.</summary>
public sealed class TestSplitTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Test_images_are_measured_like_validation_images()
    {
        var data = Prepare("data", ("train", 0, 8), ("val", 100, 5), ("test", 200, 7));
        var model = Train(data);
        var others = Prepare("others", ("train", 0, 8), ("val", 200, 7));
        var (test, expected) = (Evaluator.Evaluate(model, data, threads: 1, split: Split.Test), Evaluator.Evaluate(model, others, threads: 1));
        Assert.Equal((Split.Test, 14), (test.Split, test.Images));
        Assert.Equal((expected.Images, expected.Top1), (test.Images, test.Top1));
        Assert.Equal(expected.Loss, test.Loss, 1e-6);
        Assert.NotEqual(Evaluator.Evaluate(model, data, threads: 1).Loss, test.Loss);
    }

    [Fact]
    public void A_training_reads_no_test_image()
    {
        var data = Prepare("data", ("train", 0, 8), ("val", 100, 5), ("test", 200, 7));
        foreach (var shard in data.Shards(Split.Test))
            File.WriteAllBytes(shard, new byte[new FileInfo(shard).Length]);
        var model = Train(Dataset.Open(data.Directory, ImageCodec.Default));
        Assert.Throws<BadDataException>(() => Evaluator.Evaluate(model, data, threads: 1, split: Split.Test));
    }

    private Dataset Prepare(string name, params (string Folder, int First, int Count)[] parts)
    {
        var source = new PreparationSource();
        foreach (var (folder, first, count) in parts)
        {
            foreach (var i in Enumerable.Range(0, 2 * count))
                source.Files[$"{folder}/{(i < count ? "a" : "b")}/{i}.jpg"] = PreparationSource.Jpeg(first + i, 30, 24);
        }

        var output = _folder.PathOf(name);
        Preparation.Run(source.Write("zip", Directory.CreateDirectory(_folder.PathOf(name + "-source")).FullName), output, new() { Threads = 1, Shards = 2 }, ImageCodec.Default);
        return Dataset.Open(output, ImageCodec.Default);
    }

    private Model Train(Dataset data)
    {
        var run = _folder.PathOf("run");
        var spec = NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.25", imageSize: 28, classes: 2, units: [1, 1, 1]);
        using (var trainer = Trainer.Start(data, spec, Recipe.Paper with { Epochs = 1, Batch = 4 }, run, new() { Threads = 1 }))
            trainer.Run();
        return Model.Open(run);
    }
}
