using Riffle.Data;
using Riffle.Distillation;
using Riffle.Formats;
using Riffle.Models;
using Riffle.Tests.Formats;
using Riffle.Tests.Training;
using Riffle.Training;

namespace Riffle.Tests.Data;

/// <summary>The fit of a training, in all that is made from it.</summary>
public sealed class FitTests : IDisposable
{
    private readonly TinyDataset _data = new();

    public void Dispose() => _data.Dispose();

    [Theory]
    [InlineData(FitKind.Crop)]
    [InlineData(FitKind.Pad)]
    [InlineData(FitKind.Stretch)]
    public void A_model_keeps_its_fit_as_checkpoint_and_as_ONNX(FitKind fit)
    {
        var model = Train("run", fit);
        var onnx = Path.Combine(_data.Folder, "a.onnx");
        OnnxFile.Write(model, onnx);
        Checkpoint.Store(_data.Run("run"), model.Doubt!);
        var photo = TestImages.Gradient(90, 30);
        var expected = new float[3];
        using (var classifier = new Classifier(model))
            classifier.Score(ImageFit.ForInference(photo, 24, isWhole: fit != FitKind.Crop, fit), expected);
        foreach (var read in (Model[])[model, Checkpoint.Load(_data.Run("run")), Model.Open(onnx)])
        {
            Assert.Equal(fit, read.Fit);
            using var classifier = new Classifier(read);
            var found = classifier.Classify(photo.Pixels, photo.Width, photo.Height).OrderBy(prediction => prediction.Index).Select(prediction => prediction.Probability);
            Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
        }
    }

    /// <summary>Older readers, which know no fit, refuse what they would get wrong, and read everything else.</summary>
    [Fact]
    public void Only_files_with_another_fit_than_crop_say_so_and_have_a_version_of_their_own()
    {
        foreach (var fit in Enum.GetValues<FitKind>())
        {
            var model = Train(fit.Name(), fit);
            var onnx = Path.Combine(_data.Folder, "a.onnx");
            OnnxFile.Write(model, onnx);
            var checkpoint = SafeTensors.Read(Path.Combine(_data.Run(fit.Name()), "checkpoints", "best.safetensors")).Metadata["riffle"];
            var exported = Text(onnx);
            var other = fit != FitKind.Crop;
            Assert.Equal(other, checkpoint.Contains($"\"fit\":\"{fit.Name()}\"", StringComparison.Ordinal));
            Assert.Contains(other ? "\"version\":3" : "\"version\":1", checkpoint, StringComparison.Ordinal);
            Assert.Equal(other, exported.Contains($"\"fit\":\"{fit.Name()}\"", StringComparison.Ordinal));
            Assert.Contains(other ? "{\"version\":2" : "{\"version\":1", exported, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_baked_data_set_can_not_become_squares_in_another_way()
    {
        var data = _data.Open();
        (data.Info with { Baking = new(2, 24) }).Save(_data.DataFolder);
        var error = Assert.ThrowsAny<ArgumentException>(() => Train("run", FitKind.Stretch));
        Error.Names(Error.OnCommandLine(error), _data.DataFolder, "--bake", "--fit stretch");
        Assert.False(Directory.Exists(_data.Run("run")));
        Assert.True(Train("run", FitKind.Crop).SeesWhole);
    }

    [Fact]
    public void Soft_labels_have_the_fit_of_their_teachers_and_serve_no_training_with_another()
    {
        var (crop, pad) = (Train("crop", FitKind.Crop), Train("pad", FitKind.Pad));
        var (data, soft) = (_data.Open(), _data.Run("soft"));
        var augmentation = TinyDataset.Recipe().Augmentation;
        Error.Names(Assert.Throws<ArgumentException>(() => Teachers.Teach(soft, [crop, pad], data, augmentation, views: 1)).Message, "crop", "pad");
        Assert.Equal(FitKind.Pad, Teachers.Teach(soft, [pad], data, augmentation, views: 1, threads: 1).Identity.Fit);
        Assert.Equal(FitKind.Pad, SoftLabels.Open(soft).Identity.Fit);
        Error.Names(Assert.Throws<ArgumentException>(() => Train("student", FitKind.Stretch, soft)).Message, "pad", "stretch");
        Assert.Equal(FitKind.Pad, Train("student", FitKind.Pad, soft).Fit);
        Assert.DoesNotContain("\"fit\"", Text(TaughtBy(crop)), StringComparison.Ordinal);
    }

    private static string Text(string path) => File.ReadAllText(path);

    private string TaughtBy(Model teacher)
    {
        var folder = _data.Run("others");
        Teachers.Teach(folder, [teacher], _data.Open(), TinyDataset.Recipe().Augmentation, views: 1, threads: 1);
        return Path.Combine(folder, SoftLabelsIdentity.DocumentName);
    }

    private Checkpoint Train(string name, FitKind fit, string? softLabels = null)
    {
        using (var trainer = Trainer.Start(
            _data.Open(), _data.Spec(), TinyDataset.Recipe(epochs: 1) with { Fit = fit }, _data.Run(name), new() { Threads = 1, SoftLabels = softLabels }))
        {
            Assert.True(trainer.Run().Completed);
        }

        return Checkpoint.Load(_data.Run(name));
    }
}
