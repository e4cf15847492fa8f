using System.Text.Json;
using Riffle.Cli;
using Riffle.Data;
using Riffle.Models;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Cli;

/// <summary>Panoramas whose only difference lies at their left end, from the folder to the predictions.</summary>
public sealed class FitCommandTests : IDisposable
{
    private const int Width = 192, Height = 64;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_lies_at_the_end_of_a_photo_is_seen_by_pad_and_stretch_and_not_by_crop()
    {
        var random = new Random(3);
        foreach (var name in (string[])["blue", "red"])
        {
            foreach (var (split, count) in ((string, int)[])[("train", 24), ("val", 24)])
            {
                var folder = Directory.CreateDirectory(_folder.PathOf($"photos/{split}/{name}")).FullName;
                for (var i = 0; i < count; i++)
                    File.WriteAllBytes(Path.Combine(folder, $"{i}.jpg"), JpegEncoder.Encode(Panorama(name == "red", random)));
            }
        }

        var data = _folder.PathOf("data");
        Done("prepare", _folder.PathOf("photos"), "--out", data);
        foreach (var fit in Enum.GetValues<FitKind>())
        {
            var run = _folder.PathOf(fit.Name());
            Done("train", "--data", data, "--from", Path.Combine(Shell.Root, "models", "shufflenet-v1-g3-x0.25.safetensors"), "--fit", fit.Name(), "--epochs", "1", "--out", run, "--threads", "1");
            var top1 = Top1(run, data);
            Assert.InRange(top1, fit == FitKind.Crop ? 20 : 90, fit == FitKind.Crop ? 80 : 100);

            // What evaluate finds, predict finds, also from the ONNX file.
            var onnx = _folder.PathOf($"{fit}.onnx");
            Done("export", run, "--out", onnx);
            Assert.Equal(top1, Top1(onnx, data), 0.01);
            foreach (var model in (string[])[run, onnx])
                Assert.Equal(top1, 100.0 * Hits(model) / 48, 0.01);

            // A further training goes on with the fit, unless told otherwise.
            var more = _folder.PathOf("more");
            Done("train", "--data", data, "--from", run, "--epochs", "1", "--out", more, "--threads", "1");
            Assert.Equal(fit, Checkpoint.Load(more).Fit);
            Directory.Delete(more, recursive: true);
        }

        // The light part of the heat map is at the left end of the whole photo.
        var photo = _folder.PathOf("photos/val/red/0.jpg");
        foreach (var fit in (FitKind[])[FitKind.Pad, FitKind.Stretch])
        {
            var map = _folder.PathOf($"{fit}.jpg");
            Done("predict", _folder.PathOf(fit.Name()), photo, "--heat-map", map);
            var picture = ImageCodec.Default.Decode(File.ReadAllBytes(map), map);
            Assert.Equal(3.0, (double)picture.Width / picture.Height, 0.1);
        }
    }

    [Fact]
    public void Learn_passes_its_fit_on_and_refuses_another_for_a_run_that_was_begun()
    {
        var (photos, run) = (_folder.PathOf("photos"), _folder.PathOf("run"));
        DemoImages.Write(photos, 8, 4, seed: 1, ImageCodec.Default, _ => { }, CancellationToken.None);
        var learnt = Shell.Riffle("learn", photos, "--out", run, "--minutes", "0.1", "--fit", "pad");
        Assert.True(learnt.ExitCode == ExitCode.Done, learnt.Error);
        Assert.Contains(" --fit pad ", learnt.Output, StringComparison.Ordinal);
        Assert.Equal(FitKind.Pad, Checkpoint.Load(run).Training!.Recipe.Fit);
        var other = Shell.Riffle("learn", photos, "--out", run, "--fit", "stretch");
        Assert.Equal(ExitCode.Usage, other.ExitCode);
        Error.Names(other.Error, run, "--fit stretch", "pad");
    }

    private static void Done(params string[] words)
    {
        var result = Shell.Riffle(words);
        Assert.True(result.ExitCode == ExitCode.Done, result.Error);
    }

    private static double Top1(string model, string data)
    {
        var result = Shell.Riffle("evaluate", model, "--data", data, "--json");
        Assert.True(result.ExitCode == ExitCode.Done, result.Error);
        using var json = JsonDocument.Parse(result.Output);
        return json.RootElement.GetProperty("top1").GetDouble();
    }

    private int Hits(string model)
    {
        var result = Shell.Riffle("predict", model, _folder.PathOf("photos/val"), "--top", "1", "--format", "csv");
        Assert.True(result.ExitCode == ExitCode.Done, result.Error);
        return new[] { "red", "blue" }.Sum(name => result.Output.Split('\n').Count(line =>
            line.Contains($"/{name}/", StringComparison.Ordinal) && line.Contains($",{name},", StringComparison.Ordinal)));
    }

    /// <summary>A grey scene with noise, and at its left end a square in one of two colours.</summary>
    private static RgbImage Panorama(bool red, Random random)
    {
        const int Patch = 48;
        var pixels = new byte[Width * Height * 3];
        for (var i = 0; i < pixels.Length; i++)
        {
            var (x, channel) = (i / 3 % Width, i % 3);
            pixels[i] = (byte)(x >= Patch ? random.Next(90, 160) : channel == (red ? 0 : 2) ? random.Next(200, 255) : random.Next(0, 50));
        }

        return new(Width, Height, pixels);
    }
}
