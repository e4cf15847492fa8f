using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Riffle.Cli;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Cli;

/// <summary>The demo as a user runs it, and the commands that read what it leaves.</summary>
[Collection(FinishedDemo.Name)]
public sealed partial class DemoTests(FinishedDemo demo)
{
    [Fact]
    public void It_shows_each_step_as_a_command_that_a_user_can_type()
    {
        Assert.True(demo.Result.ExitCode == 0, demo.Result.Error);
        const string Prompt = "$ riffle ";
        var lines = demo.Result.Output.Split('\n').Where(line => line.StartsWith(Prompt, StringComparison.Ordinal));
        var steps = lines.Select(line => line[Prompt.Length..]).ToArray();

        Assert.Equal(["prepare", "train", "evaluate", "predict"], steps.Select(step => step.Split(' ')[0]));
        Assert.All(steps, step => Assert.Empty(CommandLine.CreateRoot().Parse(step).Errors));
    }

    [Fact]
    public void It_reaches_90_percent_on_images_that_it_did_not_train_on()
    {
        using var document = ReadJson(Shell.Riffle("evaluate", demo["run"], "--data", demo["data"], "--json"));

        Assert.Equal(160, document.RootElement.GetProperty("images").GetInt32());
        Assert.InRange(document.RootElement.GetProperty("top1").GetDouble(), 90, 100);
        Assert.Equal(
            document.RootElement.GetProperty("top1").GetDouble(),
            double.Parse(Top1().Match(demo.Result.Output).Groups[1].Value, CultureInfo.InvariantCulture),
            tolerance: 0.01);
    }

    [Fact]
    public void Predictions_as_json_are_one_document_and_nothing_else()
    {
        var image = Directory.EnumerateFiles(demo["images"], "ring-*.jpg", SearchOption.AllDirectories).First();

        using var document = ReadJson(Shell.Riffle("predict", demo["run"], image, image, "--top", "2", "--json"));

        Assert.Equal(2, document.RootElement.GetArrayLength());
        Assert.Equal(image, document.RootElement[0].GetProperty("file").GetString());
        Assert.Equal(2, document.RootElement[0].GetProperty("predictions").GetArrayLength());
    }

    [Fact]
    public void A_damaged_image_is_bad_data()
    {
        using var folder = new TemporaryFolder();

        var result = Shell.Riffle("predict", demo["run"], folder.Add("broken.jpg", [0xFF, 0xD8, 0xFF, 0, 1, 2]));

        Assert.Equal((3, ""), (result.ExitCode, result.Output));
        Assert.Contains("broken.jpg", result.Error, StringComparison.Ordinal);
    }

    [UnixTheory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    public void A_signal_ends_it_with_its_exit_code(string signal, int code)
    {
        using var folder = new TemporaryFolder();
        using var process = Shell.Start("dotnet", Shell.Arguments("demo", "--out", folder.PathOf("demo"), "--epochs", "100000"));
        while (process.StandardOutput.ReadLine() is { } line && !line.StartsWith("$ riffle train", StringComparison.Ordinal))
        {
        }

        Shell.Run("kill", [$"-{signal}", process.Id.ToString(CultureInfo.InvariantCulture)]);

        var result = Shell.Finish(process);
        Assert.True(result.ExitCode == code, $"{result.ExitCode}: {result.Error}");
        Assert.DoesNotContain("Done in", result.Output, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"^shufflenet\S+: top-1 ([0-9.]+) %", RegexOptions.Multiline)]
    private static partial Regex Top1();

    private static JsonDocument ReadJson(Shell.Result result)
    {
        Assert.True(result.ExitCode == 0, result.Error);
        return JsonDocument.Parse(result.Output);
    }
}
