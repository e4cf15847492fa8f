using System.Text.Json;
using System.Xml.Linq;
using Riffle.Cli;
using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Learning;
using Riffle.Models;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Cli;

/// <summary>Pages and pictures about the demo's run.</summary>
[Collection(FinishedDemo.Name)]
public sealed class ReportCommandTests(FinishedDemo demo) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Run => demo["run"];

    private string Data => demo["data"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_training_leaves_its_report_and_the_same_command_writes_it_again()
    {
        var page = Path.Combine(Run, "report.html");
        var text = File.ReadAllText(page);
        var again = _folder.PathOf("again.html");
        Assert.Equal(ExitCode.Done, Shell.Riffle("report", Run, "--out", again).ExitCode);
        Assert.Equal(Sections(text), Sections(File.ReadAllText(again)));
        Assert.Contains("classes", Sections(text));
        Assert.Contains("curves", Sections(text));
        Assert.Contains("riffle train --data", text, StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_measured_since_the_training_is_in_the_report()
    {
        var run = _folder.PathOf("run");
        foreach (var file in (string[])["run.json", "checkpoints/best.safetensors", "checkpoints/last.safetensors"])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(run, file))!);
            File.Copy(Path.Combine(Run, file), Path.Combine(run, file));
        }

        var model = Checkpoint.Load(run);
        var confusions = new ConfusionMatrix(model.Classes.Count);
        for (var i = 0; i < 60; i++)
            confusions.Add(i % 2, 0);
        RunResults.Keep(run, new(493, 519));
        Assert.True(RunResults.KeepTest(run, model, Dataset.Open(Data, ImageCodec.Default), confusions));
        Assert.Equal(ExitCode.Done, Shell.Riffle("report", run).ExitCode);

        var page = File.ReadAllText(Path.Combine(run, "report.html"));
        Assert.Contains("493 of 519, cross-validated, between 92.8 and 96.6 %", page);
        var test = Parse(page).Descendants("section").Single(section => section.Attribute("id")!.Value == "test");
        Assert.Contains("30 of them are right, 50.0 %, between 37.7 and 62.3 %", test.Value);
        Assert.Contains(test.Descendants("tr"), row => row.Value.Contains("(30)", StringComparison.Ordinal));
        Assert.DoesNotContain("test", Sections(File.ReadAllText(Path.Combine(Run, "report.html"))));
    }

    [Fact]
    public void A_page_needs_nothing_from_elsewhere()
    {
        var page = Parse(File.ReadAllText(Path.Combine(Run, "report.html")));
        Assert.Empty(page.Descendants("script").Concat(page.Descendants("link")));
        Assert.All(page.Descendants("img"), image => Assert.StartsWith("data:image/jpeg;base64,", image.Attribute("src")!.Value, StringComparison.Ordinal));
        Assert.NotEmpty(page.Descendants("img"));
    }

    [Fact]
    public void A_file_needs_the_data_and_a_place_for_the_page()
    {
        var result = Shell.Riffle("report", Path.Combine(Run, "checkpoints", "best.safetensors"));
        Assert.Equal(ExitCode.Usage, result.ExitCode);
        Error.Names(result.Error, "--data", "--out");
    }

    [Fact]
    public void Heat_maps_are_written_beside_the_predictions()
    {
        var images = Directory.GetFiles(demo["images"], "*.jpg", SearchOption.AllDirectories).Take(2).ToArray();
        var result = Shell.Riffle("predict", Run, images[0], images[1], "--heat-map", _folder.PathOf("maps"), "--top", "1");
        Assert.Equal(ExitCode.Done, result.ExitCode);
        var files = Directory.GetFiles(_folder.PathOf("maps"));
        Assert.Equal(2, files.Length);
        Assert.All(files, file => Assert.InRange(ImageCodec.Default.Decode(File.ReadAllBytes(file), file).Width, 160, 4096));
        Assert.Equal(ExitCode.Usage, Shell.Riffle("predict", Run, images[0], images[1], "--heat-map", _folder.PathOf("one.jpg")).ExitCode);
    }

    [Fact]
    public void Check_with_a_run_lists_labels_and_writes_a_page()
    {
        var page = _folder.PathOf("faults.html");
        var result = Shell.Riffle("check", Data, "--run", Run, "--out", page, "--json");
        Assert.Equal(ExitCode.Done, result.ExitCode);
        using var json = JsonDocument.Parse(result.Output);
        Assert.Equal(JsonValueKind.Array, json.RootElement.GetProperty("suspect_labels").ValueKind);
        Assert.Contains("labels", Sections(File.ReadAllText(page)));
        Assert.Equal(ExitCode.Usage, Shell.Riffle("check", Path.Combine(Run, "checkpoints"), "--out", page).ExitCode);
    }

    private static XElement Parse(string page) => XElement.Parse(page[page.IndexOf("<html", StringComparison.Ordinal)..]);

    private static string[] Sections(string page) => [.. Parse(page).Descendants("section").Select(section => section.Attribute("id")!.Value)];
}
