using System.Collections.Immutable;
using Riffle.Data;
using Riffle.Distillation;
using Riffle.Execution;
using Riffle.Images;
using Riffle.Models;
using Riffle.Training;

namespace Riffle.Study;

/// <summary>The first steps of a network's training, done again.</summary>
/// <param name="Name">The network.</param>
/// <param name="Kept">The fingerprint of its weights after these steps, as its file has it.</param>
/// <param name="Anew">The same of the steps done now; null: they can't be done here.</param>
/// <param name="Why">Why they can't.</param>
internal sealed record Verified(string Name, string? Kept, string? Anew, string? Why = null)
{
    /// <summary>Whether both are the same, bit for bit.</summary>
    public bool IsSame => Anew is not null && Anew == Kept;
}

/// <summary>
/// Trains the first <see cref="TrainingRecord.EarlySteps"/> steps of finished networks anew, and compares the weights bit for bit. For networks with teachers it needs
/// the soft labels of these steps alone, which lie beside the networks.
/// </summary>
internal sealed class Verification
{
    private readonly Settings _settings;
    private readonly Dataset _data;
    private readonly ReproductionFolder _rows, _teachers;

    /// <exception cref="RiffleException">There is no data set.</exception>
    public Verification(Settings settings)
    {
        (_settings, _data, _rows) = (settings, Dataset.Open(settings.Data, ImageCodec.Default), new(settings.Out));
        _teachers = _rows.OfTeachers;
    }

    /// <summary>Verifies teachers and rows, those that are there.</summary>
    public ImmutableArray<Verified> Run(IReproductionDisplay display, CancellationToken cancel)
    {
        (ReproductionFolder Folder, string Name)[] networks =
            [.. _settings.TeacherNames.Select(name => (_teachers, name)), .. _settings.ToTrain.Select(name => (_rows, name))];
        return [.. networks.Where(network => File.Exists(network.Folder.ModelOf(network.Name))).Select(network => Verify(network.Folder, network.Name, display, cancel))];
    }

    private Verified Verify(ReproductionFolder folder, string name, IReproductionDisplay display, CancellationToken cancel)
    {
        var model = Checkpoint.Load(folder.ModelOf(name));
        if (model.Training is not { Early: { } kept } training)
            return new(name, null, null, "its file does not have the fingerprint");
        if (WhyNot(training, out var softLabels) is { } why)
            return new(name, kept, null, why);
        using var width = Arithmetic.Prefer(training.VectorBits!.Value);
        var run = Path.Combine(_settings.Out, "verification", name);
        try
        {
            using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            using var trainer = display.Open(progress => Trainer.Start(
                _data, model.Spec, training.Recipe, run, new() { Seed = training.Seed, Threads = _settings.Threads, SoftLabels = softLabels }, progress, cancel));
            trainer.Run(new StopAfter(TrainingRecord.EarlySteps, enough), enough.Token);
            cancel.ThrowIfCancellationRequested();
            return new(name, kept, trainer.Training.Early);
        }
        finally
        {
            if (Directory.Exists(run))
                Directory.Delete(run, recursive: true);
        }
    }

    private string? WhyNot(TrainingRecord training, out string? softLabels)
    {
        softLabels = null;
        if (training.Origin is not null || training.From is not null)
            return "it began with other weights";
        if (training.Data != DatasetIdentity.Of(_data))
            return $"it was trained on another data set (fingerprint {training.Data.Fingerprint[..16]})";
        if (training.Arithmetic != Arithmetic.Version)
            return $"it was trained with arithmetic {training.Arithmetic?.ToString() ?? "of several versions"}, and this Riffle has {Arithmetic.Version}";
        if (training.VectorBits is null)
            return "it was trained with vectors of several widths";
        using (Arithmetic.Prefer(training.VectorBits.Value))
        {
            if (Arithmetic.VectorBits != training.VectorBits)
                return $"it was trained with vectors of {training.VectorBits} bits, which this machine does not have or RIFFLE_VECTOR does not allow";
        }

        if (training.SoftLabels is not { } labels)
            return null;
        string[] places = [Path.Combine(_settings.Out, "soft-labels"), _rows.FirstSoftLabels];
        softLabels = places.FirstOrDefault(place => IdentityOf(place)?.Fingerprint == labels.Fingerprint);
        return softLabels is null ? $"its soft labels {labels.Fingerprint} are neither in {places[0]} nor in {places[1]}" : null;
    }

    private static SoftLabelsIdentity? IdentityOf(string place) =>
        File.Exists(place) ? SoftLabels.Open(place).Identity
        : SoftLabels.Find(place) is { } found && found.Made == found.Identity.Views ? found.Identity
        : null;

    /// <summary>Stops a training after some steps.</summary>
    private sealed class StopAfter(int steps, CancellationTokenSource stop) : ITrainingObserver
    {
        public void Stepped(in TrainingPlace place)
        {
            if ((place.Epoch - 1L) * place.Steps + place.Step >= steps)
                stop.Cancel();
        }
    }
}
