namespace Riffle.Formats;

/// <summary>Models in zip files that <c>torch.save</c> did not write, and the way from each to weights that can be read.</summary>
internal static class ZipKinds
{
    private const string Script = "save only its weights: torch.save(torch.jit.load('FILE', map_location='cpu').state_dict(), 'weights.pth')";

    private static readonly string[] Weights = [".pth", ".pt", ".pth.tar", ".ckpt", ".safetensors", ".bin", ".onnx"];

    /// <summary>Each by what its entries are called, those first that others contain. Some have a <c>data.pkl</c>, as torch.save's files have.</summary>
    private static readonly (Func<string, bool> Has, bool HasPickle, string Kind, string WayOut)[] Kinds =
    [
        (name => Is(name, "bytecode.pkl"), true, "a TorchScript program for phones (.ptl)", Script),
        (name => Is(name, "constants.pkl") || (IsIn(name, "code") && EndsWith(name, ".py")), true, "a TorchScript program", Script),
        (name => Is(name, "serialized_exported_program.json") || Is(name, "archive_format") || (IsIn(name, "models") && EndsWith(name, ".json")), false,
            "a torch.export program (.pt2)", "save only its weights: torch.save(torch.export.load('FILE').state_dict, 'weights.pth')"),
        (name => EndsWith(name, ".data/extern_modules"), true, "a torch.package archive",
            "save only its weights: torch.save(torch.package.PackageImporter('FILE').load_pickle(PACKAGE, RESOURCE).state_dict(), 'weights.pth')"),
        (name => Is(name, "model.weights.h5") || Is(name, "saved_model.pb"), false, "a Keras or TensorFlow model",
            "export it as ONNX, for example with tf2onnx, and pass that to predict or evaluate"),
        (name => Is(name, "Manifest.json") || name == "AndroidManifest.xml", false, "a Core ML model or an app", "give the weights it was made from"),
        (name => EndsWith(name, ".npy"), false, "a file of NumPy arrays (.npz)",
            "save them as named tensors: torch.save({name: torch.from_numpy(array), …}, 'weights.pth')"),
        (name => Weights.Any(end => EndsWith(name, end)), false, "a zip file that contains weights", "unpack it and give the file with the weights"),
    ];

    /// <summary>What a zip file is and the way out, as "a TorchScript program; …"; null where its entries don't say, or it is torch.save's.</summary>
    /// <param name="entries">Names of its entries.</param>
    /// <param name="hasPickle">Whether a <c>data.pkl</c> is among them.</param>
    /// <param name="path">The file, for the message's advice.</param>
    public static string? Describe(IReadOnlyCollection<string> entries, bool hasPickle, string path)
    {
        var (_, _, kind, wayOut) = Array.Find(Kinds, kind => (kind.HasPickle || !hasPickle) && entries.Any(kind.Has));
        return kind is null ? null : $"{kind}; {wayOut.Replace("FILE", Path.GetFileName(path), StringComparison.Ordinal)}";
    }

    /// <summary>Whether an entry has this name, in the one folder that is around an archive or in none.</summary>
    private static bool Is(string entry, string name) => EndsWith(entry, name) && entry.LastIndexOf('/') is var slash
        && slash == entry.Length - name.Length - 1 && entry.IndexOf('/', StringComparison.Ordinal) == slash;

    private static bool IsIn(string entry, string folder) =>
        entry.Split('/', 3) is [var first, var second, ..] parts && (first == folder || (parts.Length == 3 && second == folder));

    private static bool EndsWith(string entry, string end) => entry.EndsWith(end, StringComparison.OrdinalIgnoreCase);
}
