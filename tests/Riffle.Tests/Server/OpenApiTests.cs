using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Riffle.Server;

namespace Riffle.Tests.Server;

/// <summary>The description of the interface is a file; here it is held to what the server has.</summary>
public sealed partial class OpenApiTests(SharedServer shared) : IClassFixture<SharedServer>
{
    [Fact]
    public async Task Every_route_is_described_and_every_description_is_a_route()
    {
        var document = await shared.Server.GetAsync("/openapi/v1.json");
        var described = document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject().Select(method => $"{method.Key.ToUpperInvariant()} {path.Key}"));
        Assert.Equal(await RoutesAsync(), described.Order(StringComparer.Ordinal));
    }

    /// <summary>The routes of a program that has the models by itself.</summary>
    private static async Task<string[]> RoutesAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Services.AddRiffle(TestServer.SmallModel);
        var app = builder.Build();
        await using (app.ConfigureAwait(true))
        {
            app.MapRiffle();
            var routes =
                from source in ((IEndpointRouteBuilder)app).DataSources
                from endpoint in source.Endpoints.OfType<RouteEndpoint>()
                where endpoint.RoutePattern.PathSegments.All(segment => segment.Parts is not [RoutePatternParameterPart { IsCatchAll: true }])
                from method in endpoint.Metadata.GetRequiredMetadata<HttpMethodMetadata>().HttpMethods
                where method != "HEAD" // It goes without saying: it comes with every GET.
                select $"{method} {endpoint.RoutePattern.RawText}";
            return [.. routes.Order(StringComparer.Ordinal)];
        }
    }

    [Fact]
    public async Task Every_reference_in_it_leads_somewhere()
    {
        var document = await shared.Server.GetAsync("/openapi/v1.json");
        var references = Reference().Matches(document.ToJsonString()).Select(match => match.Groups[1].Value).Distinct().ToArray();
        Assert.NotEmpty(references);
        Assert.All(references, name => Assert.NotNull(document["components"]!["schemas"]![name]));
    }

    [Theory]
    [InlineData("/v1/models", "Models")]
    [InlineData("/v2", "ServerMetadata")]
    [InlineData("/v2/models/small", "ModelMetadata")]
    [InlineData("/v2/models/small/stats", "Statistics")]
    [InlineData("/v2/nothing", "Error")]
    public async Task Answers_have_the_properties_that_it_describes(string path, string schema)
    {
        var document = await shared.Server.GetAsync("/openapi/v1.json");
        var answer = (await shared.Server.SendAsync($"GET {path} HTTP/1.1\nHost: x\n\n")).Json;
        Check(answer, document["components"]!["schemas"]![schema]!);
    }

    private static void Check(JsonNode? value, JsonNode schema)
    {
        if (schema["properties"] is JsonObject properties)
        {
            Assert.Equal(schema["required"]!.AsArray().Select(name => (string)name!).Order(), value!.AsObject().Select(one => one.Key).Order());
            foreach (var (name, inner) in properties)
                Check(value[name], inner!);
        }
        else if (schema["items"] is { } items)
        {
            Assert.All(value!.AsArray(), one => Check(one, items));
        }
    }

    [GeneratedRegex("\"#/components/schemas/(\\w+)\"")]
    private static partial Regex Reference();
}
