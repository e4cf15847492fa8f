using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Tests.Cli;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Evaluation;

/// <summary>Images like those of the demo, which its network has not seen, some of them in the folder of another class.</summary>
[Collection(FinishedDemo.Name)]
public sealed class LabelCheckTests(FinishedDemo demo) : IDisposable
{
    private const int PerClass = 60, Flipped = 20;

    private readonly TemporaryFolder _folder = new();
    private readonly Model _model = Model.Open(demo["run"]);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Labels_that_were_changed_are_found()
    {
        var (data, flipped) = Prepare(new PreparationOptions { ValidationFraction = 0.2 });
        var suspects = LabelCheck.Run(_model, data);
        var names = new[] { Split.Train, Split.Validation }.ToDictionary(
            split => split, split => ChosenRecords.Read(data, split, suspects.Where(suspect => suspect.Split == split).Select(suspect => suspect.Number)));
        var first = suspects.Take(2 * Flipped).Select(suspect => names[suspect.Split][suspect.Number].FileName).ToArray();
        Assert.InRange(first.Count(name => flipped.ContainsKey(Path.GetFileName(name))), 0.8 * Flipped, Flipped);

        // The class that is suggested is the right one.
        var right = suspects.Count(suspect => suspect.IsConfident && flipped.TryGetValue(Path.GetFileName(names[suspect.Split][suspect.Number].FileName), out var label) && label == suspect.Suggested);
        Assert.InRange(right, 0.6 * Flipped, Flipped);
        Assert.All(suspects, suspect => Assert.True(suspect.OfSuggested > suspect.OfLabel && suspect.OfLabel is >= 0 and <= 1));
    }

    [Fact]
    public void The_answer_does_not_depend_on_threads()
    {
        var (data, _) = Prepare(new PreparationOptions { ValidationFraction = 0.2 });
        Assert.Equal(LabelCheck.Run(_model, data, threads: 1), LabelCheck.Run(_model, data, threads: 3));
    }

    [Fact]
    public void Copies_of_an_image_that_would_vouch_for_each_other_are_refused()
    {
        var (data, _) = Prepare(new PreparationOptions { ValidationFraction = 0.2, BakeCopies = 2 });
        Error.Names(Assert.Throws<RiffleException>(() => LabelCheck.Run(_model, data)).Message, data.Directory);
    }

    private (Dataset Data, Dictionary<string, int> Flipped) Prepare(PreparationOptions options)
    {
        var (random, flipped) = (new Random(1), new Dictionary<string, int>());
        var classes = DemoImages.Classes.Count;
        var chosen = Enumerable.Range(0, classes * PerClass).OrderBy(_ => random.Next()).Take(Flipped).ToHashSet();
        for (var i = 0; i < classes * PerClass; i++)
        {
            var (label, file) = (i % classes, $"{i}.jpg");
            var folder = chosen.Contains(i) ? (label + random.Next(1, classes)) % classes : label;
            if (folder != label)
                flipped.Add(file, label);
            Directory.CreateDirectory(_folder.PathOf($"images/{folder}"));
            _folder.Add($"images/{folder}/{file}", ImageCodec.Default.EncodeJpeg(DemoImages.Draw(label, i, seed: 77), 90));
        }

        Preparation.Run(_folder.PathOf("images"), _folder.PathOf("data"), options, ImageCodec.Default);
        return (Dataset.Open(_folder.PathOf("data"), ImageCodec.Default), flipped);
    }
}
