using System.CommandLine;
using Riffle.Cli;
using Riffle.Formats;
using Riffle.Models;
using Riffle.Tests.Formats;
using Riffle.Tests.Training;
using Riffle.Training;

namespace Riffle.Tests.Models;

/// <summary>Other files and folders where a model is expected.</summary>
public sealed class ForeignFileTests : IDisposable
{
    private readonly TinyDataset _data = new(train: 20, validation: 10);

    public static TheoryData<string, byte[], string, string> Files => new()
    {
        { "my weights.pth", Fixture("torch.state.pth"), "a PyTorch file", "riffle import " },
        { "weights.pth", Fixture("torch.legacy.pth"), "a PyTorch file", "riffle import " },
        { "weights.onnx", Fixture("torch.state.pth"), "a PyTorch file", "riffle import " },
        { "weights.bin", [0x80, 2, .. "}q"u8], "a Python pickle", "riffle import " },
        { "a.safetensors", Weights(), "a safetensors file", "riffle import " },
        { "a.safetensors", "version https://git-lfs.github.com/spec/v1\n"u8.ToArray(), "a Git LFS pointer", "git lfs pull" },
        { "a.onnx", "version https://git-lfs.github.com/spec/v1\n"u8.ToArray(), "a Git LFS pointer", "git lfs pull" },
        { "a.pth", "<!DOCTYPE html><html>"u8.ToArray(), "a web page", "riffle import" },
        { "a.jpg", JpegEncoder.Encode(TestImages.Gradient(8, 8)), "a JPEG image", "run folder" },
        { "a.h5", [0x89, .. "HDF\r\n\u001a\n"u8], "an HDF5 file", "riffle import" },
        { "a.zip", [.. "PK\u0003\u0004"u8, .. new byte[40]], "a zip file", "run folder" },
        { "model", [0x08, 0x0A, 0x12, 0x07, .. "pytorch"u8], "an ONNX model", ".onnx" },
        { "run.json", "{}"u8.ToArray(), "a JSON document", "run folder" },
        { "empty", [], "empty", "run folder" },
    };

    public void Dispose() => _data.Dispose();

    [Theory]
    [MemberData(nameof(Files))]
    public void A_file_of_another_kind_is_called_what_it_is_with_the_way_out(string name, byte[] content, string kind, string wayOut)
    {
        var file = _data.Run(name);
        File.WriteAllBytes(file, content);
        foreach (var open in (Action[])[() => Model.Open(file), () => FineTuning.Load(file), () => Checkpoint.Load(file), () => Classifier.Load(file)])
        {
            var error = Assert.Throws<BadDataException>(open);
            Assert.DoesNotContain("--", error.Message, StringComparison.Ordinal); // an end user may see it
            Assert.DoesNotContain("riffle ", error.Message, StringComparison.Ordinal);
            var message = CommandLine.Message(error);
            Error.Names(message, $"{file}: ", kind, wayOut);
            if (wayOut == "riffle import ")
                Assert.Contains($"riffle import {ShellWord.Path(file)} --model MODEL --out RUN", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Every_command_that_takes_a_model_says_so()
    {
        var file = _data.Run("weights.pth");
        File.WriteAllBytes(file, Fixture("torch.state.pth"));
        foreach (var line in (string[][])
            [
                ["predict", file, file], ["evaluate", file, "--data", _data.DataFolder], ["benchmark", file], ["summary", file],
                ["export", file, "--out", _data.Run("out.onnx")], ["train", "--from", file, "--data", _data.DataFolder, "--out", _data.Run("out")],
                ["teach", file, "--data", _data.DataFolder, "--out", _data.Run("out")],
                ["reproduce", "--data", _data.DataFolder, "--out", _data.Run("out"), "--teacher", file],
            ])
        {
            var error = Assert.Throws<BadDataException>(
                () => CommandLine.CreateRoot().Parse(line).Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false }));
            Assert.Contains($"riffle import {file} --model MODEL --out RUN", CommandLine.Message(error), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_folder_of_another_kind_is_called_what_it_is()
    {
        Assert.Contains($"riffle train --data {_data.DataFolder}", Message(_data.DataFolder));
        Directory.CreateDirectory(_data.Run("soft"));
        File.WriteAllText(_data.Run("soft/soft-labels.json"), "{}");
        Assert.Contains("--soft-labels", Message(_data.Run("soft")));
        Directory.CreateDirectory(_data.Run("hub"));
        File.WriteAllText(_data.Run("hub/pytorch_model.bin"), "");
        Assert.Contains(_data.Run("hub/pytorch_model.bin"), Message(_data.Run("hub")));
        Directory.CreateDirectory(_data.Run("reproduced/models"));
        File.WriteAllText(_data.Run("reproduced/models/a.safetensors"), "");
        Assert.Contains(_data.Run("reproduced/models/a.safetensors"), Message(_data.Run("reproduced")));
        Directory.CreateDirectory(_data.Run("nothing"));
        Assert.Contains(_data.Run("nothing/checkpoints"), Message(_data.Run("nothing")));
        Assert.Contains("curl -L -O https://example.org/model.safetensors", Message("https://example.org/model.safetensors"));
    }

    private static string Message(string path) => CommandLine.Message(Assert.Throws<RiffleException>(() => Model.Open(path)));

    private static byte[] Fixture(string name) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", name));

    private static byte[] Weights()
    {
        using var stream = new MemoryStream();
        SafeTensors.Write(stream, [("conv1.weight", [2], new float[2])], new Dictionary<string, string>());
        return stream.ToArray();
    }
}
