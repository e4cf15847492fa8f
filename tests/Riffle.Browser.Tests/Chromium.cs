using System.Runtime.CompilerServices;
using Microsoft.Playwright;

namespace Riffle.Tests.Browser;

/// <summary>A Chromium without a window, with a camera that shows a moving pattern. Its path is in RIFFLE_CHROMIUM, or it is looked for on the PATH.</summary>
public sealed class Chromium : IAsyncLifetime
{
    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

    private IPlaywright _playwright = null!;

    internal static string? File { get; } = Environment.GetEnvironmentVariable("RIFFLE_CHROMIUM") ?? Find();

    internal IBrowser Browser { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        if (File is null)
            return;
        _playwright = await Playwright.CreateAsync();
        Browser = await _playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = File,
            Args = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
        });
    }

    public async ValueTask DisposeAsync()
    {
        if (File is null)
            return;
        await Browser.DisposeAsync();
        _playwright.Dispose();
    }

    private static string? Find() =>
        (from folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
         from name in Names
         let file = Path.Combine(folder, name)
         where System.IO.File.Exists(file)
         select file).FirstOrDefault();
}

/// <summary>A test in a browser.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class BrowserFactAttribute : FactAttribute
{
    public BrowserFactAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line) => Skip = BrowserOnly.Reason;
}

/// <inheritdoc cref="BrowserFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class BrowserTheoryAttribute : TheoryAttribute
{
    public BrowserTheoryAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line) => Skip = BrowserOnly.Reason;
}

internal static class BrowserOnly
{
    public static string? Reason { get; } = Chromium.File is null ? "there is no Chromium; install it (apt-get install chromium) or name its file in RIFFLE_CHROMIUM" : null;
}
