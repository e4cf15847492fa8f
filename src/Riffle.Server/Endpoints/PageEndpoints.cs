using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Riffle.Server.Endpoints;

/// <summary>The page for people and the description of the interface: files of this assembly, which hold nothing secret.</summary>
internal sealed class PageEndpoints(Guard guard)
{
    private static readonly (string Path, string File, string Type)[] Files =
    [
        ("/", "index.html", "text/html; charset=utf-8"),
        ("/colours.css", "colours.css", "text/css; charset=utf-8"),
        ("/page.css", "page.css", "text/css; charset=utf-8"),
        ("/page.js", "page.js", "text/javascript; charset=utf-8"),
        ("/icon.png", "icon.png", "image/png"),
        ("/openapi/v1.json", "openapi.json", "application/json"),
    ];

    public void Map(IEndpointRouteBuilder routes)
    {
        foreach (var (path, file, type) in Files)
        {
            var content = Read(file);
            routes.MapRead(path, guard.OpenToAll(context => AnswerAsync(context, path, content, type)));
        }
    }

    private static Task AnswerAsync(HttpContext context, string path, byte[] content, string type)
    {
        // Below a prefix of the program, the page's own links need the slash at its end.
        if (path == "/" && context.Request.Path.Value is { Length: > 0 } asked && !asked.EndsWith('/'))
        {
            context.Response.Redirect($"{context.Request.PathBase}{context.Request.Path}/");
            return Task.CompletedTask;
        }

        var headers = context.Response.Headers;
        headers.ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; "
            + "form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Permissions-Policy"] = "camera=(self), microphone=(), geolocation=()";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers.CacheControl = "no-cache";
        return Answer.WriteAsync(context, content, type);
    }

    private static byte[] Read(string file)
    {
        using var stream = typeof(PageEndpoints).Assembly.GetManifestResourceStream(file) ?? throw new InvalidOperationException($"{file} is not part of the assembly");
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }
}
