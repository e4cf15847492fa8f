using System.Collections.Immutable;

namespace Riffle.Formats;

/// <summary>Named tensors of a file, wholly read and checked, whatever its format.</summary>
public interface ITensorFile
{
    /// <summary>The tensors' names, in the file's order.</summary>
    IReadOnlyList<string> Names { get; }

    /// <summary>Whether the file has this tensor.</summary>
    bool Contains(string name);

    /// <summary>A tensor's shape; empty for a single number.</summary>
    /// <exception cref="BadDataException">The file has no such tensor.</exception>
    ImmutableArray<int> Shape(string name);

    /// <summary>A tensor's values as 32-bit floats, the last dimension running fastest.</summary>
    /// <exception cref="BadDataException">The file has no such tensor, or it is not of floating point.</exception>
    float[] Get(string name);
}

/// <summary>Opens files of tensors by what they hold, whatever their name says.</summary>
public static class TensorFile
{
    /// <summary>Reads a safetensors file or a PyTorch state dict.</summary>
    /// <exception cref="BadDataException">It is neither, or it is damaged.</exception>
    /// <exception cref="RiffleException">It can't be read.</exception>
    public static ITensorFile Read(string path)
    {
        Span<byte> start = stackalloc byte[4];
        try
        {
            using var file = File.OpenRead(path);
            start = start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotRead(path, e);
        }

        return start switch
        {
            [(byte)'P', (byte)'K', 3, 4] or [0x80, 2, 0x8a, 10] => TorchFile.Read(path),
            _ => SafeTensors.Read(path),
        };
    }
}
