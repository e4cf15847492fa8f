using Riffle.Data;
using Riffle.Formats;

namespace Riffle.Models;

/// <summary>What is said to somebody who gave something else where a model is expected: what it is, and what can be done with it.</summary>
internal static class ForeignFile
{
    private static readonly string[] WeightEndings = [".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".onnx"];

    /// <summary>Refuses a file whose first bytes say that it is of another kind than is wanted. Where they say nothing, it is taken.</summary>
    /// <param name="path">The file.</param>
    /// <param name="wanted">The kind, one of <see cref="FileKind"/>.</param>
    /// <exception cref="RiffleException">It can't be read.</exception>
    /// <exception cref="BadDataException">It is something else.</exception>
    public static void RequireKind(string path, string wanted)
    {
        byte[] start;
        try
        {
            start = InputFile.Start(path);
        }
        catch (FileNotFoundException e)
        {
            throw new RiffleException(InputFile.Missing(path), e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotRead(path, e);
        }

        var expected = wanted == FileKind.Onnx ? wanted : "a checkpoint of Riffle";
        if (FileKind.Describe(start) is { } kind && kind != wanted)
            throw new BadDataException($"{path}: {kind}; {expected} is expected here. {WayOut(path, kind)}");
    }

    /// <summary>Of a safetensors file without what Riffle writes beside the tensors.</summary>
    public static BadDataException Weights(string path) =>
        new($"{path}: {FileKind.SafeTensors}, but not a checkpoint of Riffle: it has weights alone. {WayOut(path, FileKind.SafeTensors)}");

    /// <summary>Of a folder that is no run.</summary>
    public static RiffleException Folder(string path)
    {
        bool Has(string name) => Path.Exists(Path.Combine(path, name));
        var shown = ShellWord.Path(path);
        if (Has(DatasetFiles.Info))
            return new($"{path}: a data set folder, not a run. A network is trained on it by: riffle train --data {shown} --model MODEL --out RUN");
        if (Has(SoftLabelsIdentity.DocumentName))
        {
            return new($"{path}: a folder of soft labels, not a run. A training learns from them by: "
                + $"riffle train --soft-labels {shown} --data DIR --model MODEL --out RUN");
        }

        var models = Path.Combine(path, "models");
        if (Directory.Exists(models) && FirstWeights(models) is { } model)
            return new($"{path}: a folder of several networks, not a run. Give one of them, as {ShellWord.Path(model)}");
        return FirstWeights(path) is { } file
            ? new($"{path}: no run: it has no checkpoints/. Give a file in it, as {ShellWord.Path(file)}")
            : new($"{path}: no checkpoint in it; a run folder has them under {Path.Combine(path, "checkpoints")}");
    }

    private static string WayOut(string path, string kind) => kind switch
    {
        FileKind.SafeTensors or FileKind.Torch or FileKind.Pickled =>
            $"A run is made of the weights of others by: riffle import {ShellWord.Path(path)} --model MODEL --out RUN",
        FileKind.Onnx => "predict, evaluate, benchmark, summary and teach run it, by a name that ends in .onnx; it can't be trained or exported.",
        _ => "Give a run folder, a checkpoint file of Riffle, or an ONNX file. Of weights that others trained, 'riffle import' makes a run.",
    };

    private static string? FirstWeights(string folder)
    {
        try
        {
            return Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal)
                .FirstOrDefault(file => WeightEndings.Contains(Path.GetExtension(file).ToLowerInvariant()));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
