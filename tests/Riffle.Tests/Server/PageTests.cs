using System.Net;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Riffle.Server;

namespace Riffle.Tests.Server;

/// <summary>The page as a server hands it out. How it works is tested in a browser, by <c>./test --browser</c>.</summary>
public sealed partial class PageTests(SharedServer shared) : IClassFixture<SharedServer>
{
    private const int MostBytes = 25_000;

    private static readonly string[] Texts = ["/", "/colours.css", "/page.css", "/page.js"];

    [Theory]
    [InlineData("/", "text/html")]
    [InlineData("/colours.css", "text/css")]
    [InlineData("/page.css", "text/css")]
    [InlineData("/page.js", "text/javascript")]
    [InlineData("/icon.png", "image/png")]
    public async Task Every_file_has_its_type_and_forbids_everything_from_elsewhere(string path, string type)
    {
        using var answer = await shared.Server.Client.GetAsync(path, TestServer.Cancel);
        Assert.Equal((HttpStatusCode.OK, type), (answer.StatusCode, answer.Content.Headers.ContentType!.MediaType));
        Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
        var policy = answer.Headers.GetValues("Content-Security-Policy").Single();
        Assert.Contains("default-src 'none'", policy);
        foreach (var loose in (string[])["unsafe", "*", "http"])
            Assert.DoesNotContain(loose, policy);
    }

    [Fact]
    public async Task It_takes_nothing_from_elsewhere_and_has_nothing_inline()
    {
        foreach (var path in Texts)
        {
            var text = await shared.Server.Client.GetStringAsync(path, TestServer.Cancel);
            Assert.DoesNotMatch(Elsewhere, text);
            Assert.DoesNotMatch(Inline, path == "/" ? text : "");
        }

        var links = Links.Matches(await shared.Server.Client.GetStringAsync("/", TestServer.Cancel)).Select(link => link.Groups[1].Value);
        Assert.Equal(["icon.png", "colours.css", "page.css", "page.js"], links);
    }

    [Fact]
    public async Task It_is_small()
    {
        var bytes = 0;
        foreach (var path in Texts)
            bytes += (await shared.Server.Client.GetByteArrayAsync(path, TestServer.Cancel)).Length;
        Assert.InRange(bytes, 1000, MostBytes);
    }

    /// <summary>Its links are relative, so a program may put it below a prefix.</summary>
    [Fact]
    public async Task Below_a_prefix_its_links_work()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Services.AddRiffle($"small={TestServer.SmallModel}");
        await using var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        app.MapGroup("/shop").MapRiffle();
        await app.StartAsync(TestServer.Cancel);
        using var client = new HttpClient();
        using var page = await client.GetAsync($"{app.Urls.Single()}/shop", TestServer.Cancel);
        Assert.Equal("/shop/", page.RequestMessage!.RequestUri!.AbsolutePath);
        foreach (Match link in Links.Matches(await page.Content.ReadAsStringAsync(TestServer.Cancel)))
            Assert.NotEmpty(await client.GetByteArrayAsync(new Uri(page.RequestMessage.RequestUri, link.Groups[1].Value), TestServer.Cancel));
    }

    [GeneratedRegex(@"(https?:)?//[\w.-]+\.\w|@import|\burl\(")]
    private static partial Regex Elsewhere { get; }

    [GeneratedRegex(@"\sstyle=|\son\w+=|<style|<script(?![^>]* src=)|javascript:")]
    private static partial Regex Inline { get; }

    [GeneratedRegex(@"(?:href|src)=""([^""]*)""")]
    private static partial Regex Links { get; }
}
