namespace Riffle.Server;

/// <summary>A model's name in requests, and where it is read from, also when it is loaded again.</summary>
/// <param name="Name">Without a slash.</param>
/// <param name="Path">A checkpoint file, a run folder (its best checkpoint) or an ONNX file.</param>
/// <param name="Hints">What an ONNX file may not contain.</param>
public sealed record ModelSource(string Name, string Path, OnnxHints? Hints = null)
{
    /// <summary>A source from <c>PATH</c>, whose name is that of the folder or file, or from <c>NAME=PATH</c>.</summary>
    /// <param name="text">The text. A file or folder of exactly this name is taken before a name is looked for in it.</param>
    /// <param name="hints">What an ONNX file may not contain.</param>
    /// <exception cref="ArgumentException">The name is empty or has a slash.</exception>
    public static ModelSource Parse(string text, OnnxHints? hints = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(text);
        if (!System.IO.Path.Exists(text) && text.Split('=', 2) is [var name, { Length: > 0 } path] && !name.Contains(System.IO.Path.DirectorySeparatorChar))
            return new(Checked(name, text), path, hints);
        var full = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(text));
        return new(Checked(Directory.Exists(full) ? System.IO.Path.GetFileName(full) : System.IO.Path.GetFileNameWithoutExtension(full), text), text, hints);
    }

    private static string Checked(string name, string text) => name.Length > 0 && !name.Contains('/') && !name.Any(char.IsControl)
        ? name
        : throw new ArgumentException($"{text}: a model needs a name without a slash; give one as NAME={text}");
}
