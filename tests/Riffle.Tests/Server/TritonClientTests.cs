using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace Riffle.Tests.Server;

/// <summary>The bytes that Triton's own Python client and its image_client example sent, as <c>Fixtures/serving/record_triton.py</c> recorded them.</summary>
public sealed class TritonClientTests(SharedServer shared) : IClassFixture<SharedServer>
{
    [Theory]
    [InlineData("health", 3)]
    [InlineData("metadata", 4)]
    [InlineData("image_client", 3)]
    public async Task Every_request_is_answered(string name, int requests)
    {
        var answers = await ReplayAsync(name, requests);
        Assert.All(answers, answer => Assert.Equal(200, answer.Status));
    }

    [Theory]
    [InlineData("binary", 2)]
    [InlineData("gzip", 2)]
    [InlineData("deflate", 2)]
    [InlineData("json", 1)]
    [InlineData("versioned", 1)]
    public async Task Probabilities_are_those_of_the_library(string name, int images)
    {
        var answer = Assert.Single(await ReplayAsync(name, 1));
        Assert.Equal(200, answer.Status);
        float[] found;
        if (name == "json")
        {
            found = [.. answer.Json["outputs"]![0]!["data"]!.AsArray().Select(value => (float)value!)];
        }
        else
        {
            Assert.Equal(name is "gzip" or "deflate" ? name : null, answer.Headers.GetValueOrDefault("content-encoding"));
            var (head, binary) = (name is "gzip" or "deflate" ? answer with { Body = Samples.Unpack(answer.Body, name) } : answer).Parts;
            Assert.Equal(name == "binary" ? "two" : null, (string?)head["id"]);
            found = MemoryMarshal.Cast<byte, float>(binary).ToArray();
        }

        Assert.Equal(Samples.Expected(shared.Classifier, Ramps(images), images), found);
    }

    [Fact]
    public async Task An_image_file_is_decoded()
    {
        var answer = Assert.Single(await ReplayAsync("file", 1));
        Assert.Equal(200, answer.Status);
        Assert.Equal(Samples.Classes * sizeof(float), answer.Parts.Binary.Length);
    }

    [Theory]
    [InlineData("classes", 1)]
    [InlineData("image_client", 3)]
    public async Task Classes_are_the_likeliest(string name, int requests)
    {
        var (head, binary) = (await ReplayAsync(name, requests))[^1].Parts;
        Assert.Equal("[2,3]", head["outputs"]![0]!["shape"]!.ToJsonString());
        var all = Samples.Expected(shared.Classifier, Ramps(2), 2);
        var best = Array.IndexOf(all, all.Take(Samples.Classes).Max());
        Assert.StartsWith(
            FormattableString.Invariant($"{all[best]:F6}:{best}:{shared.Classifier.Model.Classes[best].Text}"), Encoding.UTF8.GetString(binary.AsSpan(4)), StringComparison.Ordinal);
    }

    private async Task<WireAnswer[]> ReplayAsync(string name, int requests)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", shared.Server.Port, TestServer.Cancel);
        var stream = client.GetStream();
        await stream.WriteAsync(await File.ReadAllBytesAsync(Path.Combine(AppContext.BaseDirectory, "Fixtures", "serving", $"triton.{name}.bin"), TestServer.Cancel), TestServer.Cancel);
        var answers = new WireAnswer[requests];
        for (var i = 0; i < requests; i++)
            answers[i] = await WireAnswer.ReadAsync(stream);
        return answers;
    }

    /// <summary>The images that the script draws.</summary>
    private static byte[] Ramps(int images) => [.. Enumerable.Range(0, images * Samples.Bytes).Select(i => (byte)(i / 7))];
}
