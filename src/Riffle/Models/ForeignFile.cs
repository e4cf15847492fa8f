using Riffle.Data;
using Riffle.Formats;

namespace Riffle.Models;

/// <summary>Error messages for files and folders that are not models: what they are, and what to do with them.</summary>
internal static class ForeignFile
{
    private static readonly string[] WeightEndings = [".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".onnx"];

    /// <summary>Refuses a file whose first bytes show that it is of another kind. If its kind is unknown, it is accepted.</summary>
    /// <param name="path">The file.</param>
    /// <param name="wanted">The kind, one of <see cref="FileKind"/>.</param>
    /// <exception cref="RiffleException">It can't be read.</exception>
    /// <exception cref="BadDataException">The file is of another kind.</exception>
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

        var expected = wanted == FileKind.Onnx ? wanted : "a Riffle checkpoint";
        if (FileKind.Describe(start) is { } kind && kind != wanted)
            throw new BadDataException($"{path}: this is {kind}, but {expected} is needed here.") { CommandLineAdvice = CommandLineAdvice(path, kind) };
    }

    /// <summary>The error for a safetensors file without Riffle's metadata.</summary>
    public static BadDataException Weights(string path) =>
        new($"{path}: this is {FileKind.SafeTensors} with weights only, not a Riffle checkpoint.")
        {
            CommandLineAdvice = CommandLineAdvice(path, FileKind.SafeTensors),
        };

    /// <summary>The error for a folder that is not a run.</summary>
    public static RiffleException Folder(string path)
    {
        bool Has(string name) => Path.Exists(Path.Combine(path, name));
        var shown = ShellWord.Path(path);
        if (Has(DatasetFiles.Info))
        {
            return new($"{path}: this is a data set folder, not a run.")
            {
                CommandLineAdvice = $"To train a network on it: riffle train --data {shown} --model MODEL --out RUN",
            };
        }

        if (Has(SoftLabelsIdentity.DocumentName))
        {
            return new($"{path}: this is a folder of soft labels, not a run.")
            {
                CommandLineAdvice = $"To train with them: riffle train --soft-labels {shown} --data DIR --model MODEL --out RUN",
            };
        }

        var models = Path.Combine(path, "models");
        if (Directory.Exists(models) && FirstWeights(models) is { } model)
            return new($"{path}: this is a folder of several networks, not a run. Give one of them, for example {ShellWord.Path(model)}");
        return FirstWeights(path) is { } file
            ? new($"{path}: not a run, because it has no checkpoints/ folder. Give a file in it, for example {ShellWord.Path(file)}")
            : new($"{path}: the folder has no checkpoint; a run folder has them in {Path.Combine(path, "checkpoints")}");
    }

    private static string CommandLineAdvice(string path, string kind) => kind switch
    {
        FileKind.SafeTensors or FileKind.Torch or FileKind.Pickled =>
            $"To turn these weights into a run: riffle import {ShellWord.Path(path)} --model MODEL --out RUN",
        FileKind.Onnx => "predict, evaluate, benchmark, summary and teach accept it if its name ends in .onnx. It can't be trained or exported.",
        _ => "Give a run folder, a Riffle checkpoint or an ONNX file. To use weights trained elsewhere, run 'riffle import' first.",
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
