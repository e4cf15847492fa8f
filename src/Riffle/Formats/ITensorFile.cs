using System.Buffers.Binary;
using System.Collections.Immutable;

namespace Riffle.Formats;

/// <summary>Named tensors of a file, whatever its format.</summary>
internal interface ITensorFile
{
    /// <summary>Where in the file they are: the keys that lead to them, joined by dots, as <c>state_dict</c>; empty where they are the whole of it.</summary>
    string Place { get; }

    /// <summary>The tensors' names, in the file's order.</summary>
    IReadOnlyList<string> Names { get; }

    /// <summary>Whether something of this name is there: a tensor, or what stands for one and can't be read, as <see cref="Get"/> says.</summary>
    bool Contains(string name);

    /// <summary>A tensor's shape; empty for a single number.</summary>
    /// <exception cref="BadDataException">The file has no such tensor, or lacks its values.</exception>
    ImmutableArray<int> Shape(string name);

    /// <summary>A tensor's values as 32-bit floats, the last dimension running fastest.</summary>
    /// <exception cref="BadDataException">The file has no such tensor, or it is not of floating point.</exception>
    float[] Get(string name);
}

/// <summary>Opens files of tensors by what they hold, whatever their name says.</summary>
internal static class TensorFile
{
    private const string Onnx = "an ONNX model";

    /// <summary>Reads a safetensors file or a file of PyTorch.</summary>
    /// <returns>All sets of named tensors in it: one for a safetensors file; for a PyTorch file, less deeply nested ones first.</returns>
    /// <exception cref="BadDataException">It is of another kind, or damaged.</exception>
    /// <exception cref="RiffleException">It can't be read.</exception>
    public static IReadOnlyList<ITensorFile> Read(string path)
    {
        if (Directory.Exists(path))
            throw new RiffleException($"{path}: this is a folder; give a file with weights, written by safetensors or torch.save{Suggestion(path)}");
        var start = Start(path);
        if (IsSafeTensors(start))
            return [SafeTensors.Read(path)];
        if (start.AsSpan().StartsWith("PK\u0003\u0004"u8) || TorchLegacy.IsLegacy(start))
            return TorchFile.Read(path);
        var kind = FileKind.Describe(start) ?? (HasExtension(path, ".onnx") ? Onnx : null);
        if (kind is null && HasExtension(path, ".safetensors"))
            return [SafeTensors.Read(path)]; // which says how it is damaged
        throw new BadDataException($"{path}: this is {kind ?? "not a file with weights"}; {WayOut(kind)}");
    }

    private static bool HasExtension(string path, string extension) => path.EndsWith(extension, StringComparison.OrdinalIgnoreCase);

    private static string WayOut(string? kind) => kind switch
    {
        Onnx => "it needs no import: pass it directly to predict, evaluate, benchmark or summary",
        "a Python pickle" => "torch.save did not write it. Load it in Python and save its tensors with torch.save(…)",
        _ => "give a safetensors file or a file written by torch.save",
    };

    /// <summary>The header is JSON. Its length, which comes first, can look like the begin of other files.</summary>
    private static bool IsSafeTensors(ReadOnlySpan<byte> start) =>
        start.Length > sizeof(ulong) && start[sizeof(ulong)] == '{' && BinaryPrimitives.ReadUInt64LittleEndian(start) < 1L << 40;

    private static string Suggestion(string folder) =>
        new[] { "*.safetensors", "*.pth", "*.pt", "*.ckpt", "*.bin" }
            .SelectMany(pattern => Directory.EnumerateFiles(folder, pattern)).FirstOrDefault() is { } file
            ? $", for example {file}"
            : "";

    /// <summary>The first bytes of a file.</summary>
    internal static byte[] Start(string path)
    {
        try
        {
            return InputFile.Start(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotRead(path, e);
        }
    }
}
