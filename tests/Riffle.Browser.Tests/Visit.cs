using System.Collections.Concurrent;
using Microsoft.Playwright;
using Riffle.Data;
using Riffle.Server;
using Riffle.Tests.Cli;
using Riffle.Tests.Server;

namespace Riffle.Tests.Browser;

/// <summary>How a page is opened.</summary>
internal sealed record Screen(int Width = 1300, ColorScheme Colours = ColorScheme.Light, ReducedMotion Motion = ReducedMotion.NoPreference);

/// <summary>A server and a page of it in a browser. At the end, nothing may have been written to the page's console, and all its object URLs must be revoked.</summary>
internal sealed class Visit : IAsyncDisposable
{
    /// <summary>Counts what the page must give back.</summary>
    private const string Watch = """
        window.urls = new Set();
        const { createObjectURL, revokeObjectURL } = URL;
        URL.createObjectURL = blob => { const url = createObjectURL(blob); urls.add(url); return url; };
        URL.revokeObjectURL = url => { urls.delete(url); revokeObjectURL(url); };
        """;

    private readonly IBrowserContext _context;
    private readonly ConcurrentQueue<string> _complaints = [];

    private Visit(TestServer server, IBrowserContext context, IPage page) => (Server, _context, Page) = (server, context, page);

    public TestServer Server { get; }

    public IPage Page { get; }

    public ILocator Cards => Page.Locator(".card");

    /// <summary>Statuses of answers but 200.</summary>
    public ConcurrentQueue<int> Refusals { get; } = [];

    public static async Task<Visit> OpenAsync(Chromium chromium, Action<ServerOptions>? configure = null, Screen? screen = null)
    {
        screen ??= new();
        var server = await TestServer.StartAsync(configure);
        var context = await chromium.Browser.NewContextAsync(new()
        {
            ViewportSize = new() { Width = screen.Width, Height = 900 },
            ColorScheme = screen.Colours,
            ReducedMotion = screen.Motion,
            HasTouch = screen.Width < 500,
            IsMobile = screen.Width < 500,
        });
        await context.AddInitScriptAsync(Watch);
        var visit = new Visit(server, context, await context.NewPageAsync());
        visit.Page.SetDefaultTimeout(60_000);
        visit.Page.PageError += (_, error) => visit._complaints.Enqueue(error);
        visit.Page.Console += (_, message) =>
        {
            // Chromium itself reports each answer with an error.
            if (!message.Text.StartsWith("Failed to load resource", StringComparison.Ordinal))
                visit._complaints.Enqueue(message.Text);
        };
        visit.Page.Response += (_, response) =>
        {
            if (response.Status != 200)
                visit.Refusals.Enqueue(response.Status);
        };
        await visit.Page.GotoAsync(server.Client.BaseAddress!.ToString());
        if (configure is null)
            await visit.IsReadyAsync();
        return visit;
    }

    /// <summary>Waits until the page has a model.</summary>
    public Task IsReadyAsync() => Assertions.Expect(Page.Locator("#known")).ToBeVisibleAsync();

    public Task ChooseAsync(params IEnumerable<FilePayload> files) => Page.SetInputFilesAsync("#files", files);

    /// <summary>Waits until that many cards are there, and each has an answer or an error.</summary>
    public async Task AreDoneAsync(int cards)
    {
        await Assertions.Expect(Cards).ToHaveCountAsync(cards, new() { Timeout = 60_000 });
        await Assertions.Expect(Page.Locator(".waiting")).ToHaveCountAsync(0, new() { Timeout = 60_000 });
    }

    /// <summary>A picture that takes a while to decode.</summary>
    public static FilePayload Large { get; } = new()
    {
        Name = "large.jpg",
        MimeType = "image/jpeg",
        Buffer = ImageCodec.Default.EncodeJpeg(Noise(1200, 800), quality: 90),
    };

    /// <summary>A picture that the demo draws.</summary>
    public static FilePayload Picture(int number, string? name = null) => new()
    {
        Name = name ?? $"{DemoImages.Classes[number % DemoImages.Classes.Count]} {number}.jpg",
        MimeType = "image/jpeg",
        Buffer = ImageCodec.Default.EncodeJpeg(DemoImages.Draw(number % DemoImages.Classes.Count, number, seed: 1), quality: 90),
    };

    private static RgbImage Noise(int width, int height)
    {
        var pixels = new byte[width * height * 3];
        new Random(1).NextBytes(pixels);
        return new(width, height, pixels);
    }

    /// <summary>Keeps what the page looks like, for people to see.</summary>
    public async Task PhotographAsync(string name)
    {
        var file = Path.Combine(Shell.Root, "artifacts", "browser", $"{name}.png");
        Assert.NotEmpty(await Page.ScreenshotAsync(new() { Path = file, FullPage = true }));
    }

    public async ValueTask DisposeAsync()
    {
        await Page.WaitForFunctionAsync("() => urls.size === 0", options: new() { Timeout = 20_000 });
        await _context.DisposeAsync();
        await Server.DisposeAsync();
        Assert.Empty(_complaints);
    }
}
