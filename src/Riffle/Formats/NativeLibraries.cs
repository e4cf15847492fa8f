using System.Reflection;
using System.Runtime.InteropServices;

namespace Riffle.Formats;

/// <summary>Finds the two native libraries that decode images under the names they go by on each system, and says how to install one that is missing.</summary>
static class NativeLibraries
{
    internal const string TurboJpeg = "turbojpeg";
    internal const string Png = "png16";

    internal sealed record Library(string Title, string Debian, string Homebrew, string Vcpkg, string[] Names);

    static readonly Dictionary<string, Library> Known = new()
    {
        [TurboJpeg] = new("libturbojpeg, which decodes JPEG images", "libturbojpeg0", "jpeg-turbo", "libjpeg-turbo",
            OperatingSystem.IsWindows() ? ["turbojpeg.dll", "libturbojpeg.dll", @"C:\libjpeg-turbo64\bin\turbojpeg.dll"]
            : OperatingSystem.IsMacOS() ? Homebrew("jpeg-turbo", "libturbojpeg.0.dylib", "libturbojpeg.dylib")
            : ["libturbojpeg.so.0", "libturbojpeg.so"]),
        [Png] = new("libpng 1.6, which decodes PNG images", "libpng16-16", "libpng", "libpng",
            OperatingSystem.IsWindows() ? ["libpng16.dll", "libpng16-16.dll", "png16.dll"]
            : OperatingSystem.IsMacOS() ? Homebrew("libpng", "libpng16.16.dylib", "libpng16.dylib")
            : ["libpng16.so.16", "libpng16.so"]),
    };

    static NativeLibraries() => NativeLibrary.SetDllImportResolver(typeof(NativeLibraries).Assembly, Resolve);

    /// <summary>Makes sure that the resolver is in place; the classes that import functions call it before their first one.</summary>
    internal static void Use()
    {
    }

    /// <summary>Loads a library under the first of its names that the system knows.</summary>
    /// <exception cref="RiffleException">It is not installed; the message has the install command.</exception>
    internal static nint Load(Library library, Assembly assembly)
    {
        foreach (string name in library.Names)
            if (NativeLibrary.TryLoad(name, assembly, null, out nint handle))
                return handle;
        string install = OperatingSystem.IsWindows() ? $"vcpkg install {library.Vcpkg}, then add the folder with {library.Names[0]} to PATH"
            : OperatingSystem.IsMacOS() ? $"brew install {library.Homebrew}"
            : $"sudo apt-get install {library.Debian} (on Debian and Ubuntu; elsewhere, the package that contains {library.Names[0]})";
        throw new RiffleException($"The library {library.Title}, is not installed. Install it: {install}.");
    }

    static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path) => Known.TryGetValue(name, out var library) ? Load(library, assembly) : 0;

    /// <summary>Homebrew keeps its libraries outside the loader's path: under /opt/homebrew on ARM, /usr/local on Intel.</summary>
    static string[] Homebrew(string formula, params string[] names) =>
        [.. names, .. from prefix in new[] { "/opt/homebrew", "/usr/local" } from name in names select $"{prefix}/opt/{formula}/lib/{name}"];
}
