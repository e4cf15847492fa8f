using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Server;

/// <summary>Many clients at the same time, a full queue, deadlines, loading again, the end.</summary>
public sealed class ServingTests
{
    [Fact]
    public async Task Clients_at_the_same_time_are_computed_together_and_get_the_bits_of_one()
    {
        const int Clients = 6, Requests = 30;
        await using var server = await TestServer.StartAsync();
        using var classifier = Classifier.Load(TestServer.SmallModel, threads: 1);
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(client => Task.Run(async () =>
        {
            for (var request = 0; request < Requests; request++)
            {
                var (images, seed) = (1 + ((client + request) % 5), (client * 1000) + request);
                var (status, found) = await InferAsync(server, Samples.Noise(images, seed), images);
                Assert.Equal(HttpStatusCode.OK, status);
                Assert.Equal(Samples.Expected(classifier, Samples.Noise(images, seed), images), found);
            }
        })));
        var all = (await server.GetAsync("/v2/models/small/stats"))["model_stats"]![0]!;
        var (count, executions) = ((long)all["inference_count"]!, (long)all["execution_count"]!);
        Assert.Equal(Enumerable.Range(0, Clients).Sum(client => Enumerable.Range(0, Requests).Sum(request => 1 + ((client + request) % 5))), count);
        Assert.InRange(executions, 1, count);
        Assert.Equal((long)Clients * Requests, (long)all["inference_stats"]!["success"]!["count"]!);
    }

    [Fact]
    public async Task Images_wait_for_others_as_long_as_they_may()
    {
        await using var server = await TestServer.StartAsync(options => options.MaxDelay = TimeSpan.FromSeconds(2));
        var answers = await Task.WhenAll(Enumerable.Range(0, 5).Select(seed => InferAsync(server, Samples.Noise(1, seed), 1)));
        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.Status));
        var all = (await server.GetAsync("/v2/models/small/stats"))["model_stats"]![0]!;
        Assert.Equal((5, 1), ((int)all["inference_count"]!, (int)all["execution_count"]!));
        Assert.Equal(5, (int)all["batch_stats"]![0]!["batch_size"]!);
    }

    [Fact]
    public async Task Past_the_bound_of_the_queue_a_request_is_refused_at_once()
    {
        // Images wait for others, so that the queue stays as it is.
        await using var server = await TestServer.StartAsync(options => (options.MaxDelay, options.MaxBatch, options.Queue) = (TimeSpan.FromSeconds(3), 3, 3));
        var waiting = InferAsync(server, Samples.Noise(2, 1), 2);
        while (Metric(await server.Client.GetStringAsync("/metrics", TestServer.Cancel), "nv_inference_pending_request_count") < 2)
            await Task.Delay(5, TestServer.Cancel);
        using var refused = await server.Client.SendAsync(Request(Samples.Noise(2, 2), 2), TestServer.Cancel);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(1), refused.Headers.RetryAfter!.Delta);
        Assert.False(waiting.IsCompleted);
        Assert.Equal(HttpStatusCode.OK, (await waiting).Status);
        Assert.Equal(HttpStatusCode.OK, (await InferAsync(server, Samples.Noise(3, 3), 3)).Status);
        var metrics = await server.Client.GetStringAsync("/metrics", TestServer.Cancel);
        Assert.Equal(1, Metric(metrics, "nv_inference_request_failure", "REJECTED"));
        Assert.Equal(0, Metric(metrics, "nv_inference_pending_request_count"));
    }

    [Fact]
    public async Task A_request_whose_time_has_passed_is_not_computed()
    {
        await using var server = await TestServer.StartAsync(options => options.MaxDelay = TimeSpan.FromSeconds(30));
        using var answer = await server.Client.SendAsync(Request(Samples.Noise(1, 1), 1, """, "parameters":{"timeout":50000}"""), TestServer.Cancel);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal(0, (int)(await server.GetAsync("/v2/models/small/stats"))["model_stats"]![0]!["inference_count"]!);
    }

    [Fact]
    public async Task What_a_client_has_abandoned_is_not_computed()
    {
        await using var server = await TestServer.StartAsync(options => options.MaxDelay = TimeSpan.FromSeconds(2));
        using (var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(300)))
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => server.Client.SendAsync(Request(Samples.Noise(3, 1), 3), patience.Token));
        Assert.Equal(HttpStatusCode.OK, (await InferAsync(server, Samples.Noise(1, 2), 1)).Status);
        var all = (await server.GetAsync("/v2/models/small/stats"))["model_stats"]![0]!;
        Assert.Equal(1, (int)all["inference_count"]!);
    }

    [Fact]
    public async Task At_the_end_ready_fails_first_and_what_was_accepted_is_answered()
    {
        await using var server = await TestServer.StartAsync(options => options.MaxDelay = TimeSpan.FromSeconds(1), new() { Drain = TimeSpan.FromSeconds(20) });
        var accepted = InferAsync(server, Samples.Noise(1, 1), 1);
        while (Metric(await server.Client.GetStringAsync("/metrics", TestServer.Cancel), "nv_inference_pending_request_count") < 1)
            await Task.Delay(5, TestServer.Cancel);
        var end = server.StopAsync();
        WireAnswer ready;
        while ((ready = await server.SendAsync("GET /v2/health/ready HTTP/1.1\nHost: x\n\n")).Status == 200)
            await Task.Delay(5, TestServer.Cancel);
        Assert.Equal((503, "close"), (ready.Status, ready.Headers["connection"]));
        Assert.Equal(200, (await server.SendAsync("GET /v2/health/live HTTP/1.1\nHost: x\n\n")).Status);
        Assert.Equal(HttpStatusCode.OK, (await accepted).Status);
        server.Client.Dispose();
        await end;
        await Assert.ThrowsAnyAsync<Exception>(() => server.SendAsync("GET /v2/health/live HTTP/1.1\nHost: x\n\n"));
    }

    [Fact]
    public async Task A_model_is_loaded_again_and_again_under_load_and_no_request_is_lost()
    {
        await using var server = await TestServer.StartAsync(options => options.AllowModelControl = true);
        using var classifier = Classifier.Load(TestServer.SmallModel, threads: 1);
        var expected = Samples.Expected(classifier, Samples.Noise(2, 1), 2);
        using var done = new CancellationTokenSource();
        var clients = Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            var count = 0;
            for (; !done.IsCancellationRequested; count++)
            {
                var (status, found) = await InferAsync(server, Samples.Noise(2, 1), 2);
                Assert.Equal(HttpStatusCode.OK, status);
                Assert.Equal(expected, found);
            }

            return count;
        })).ToArray();
        for (var i = 0; i < 15; i++)
            Assert.Equal(HttpStatusCode.OK, await PostAsync(server, "/v2/repository/models/small/load"));
        await done.CancelAsync();
        Assert.All(await Task.WhenAll(clients), count => Assert.True(count > 0));
        Assert.Equal(HttpStatusCode.OK, await PostAsync(server, "/v2/repository/models/small/unload"));
        Assert.Equal(HttpStatusCode.NotFound, (await InferAsync(server, Samples.Noise(1, 1), 1)).Status);
        Assert.Equal(503, (await server.SendAsync("GET /v2/health/ready HTTP/1.1\nHost: x\n\n")).Status);
        var (_, index) = await server.PostAsync("/v2/repository/index", new JsonObject());
        Assert.Equal("UNAVAILABLE", (string)index[0]!["state"]!);
        Assert.Equal(HttpStatusCode.OK, await PostAsync(server, "/v2/repository/models/small/load"));
        Assert.Equal(HttpStatusCode.OK, (await InferAsync(server, Samples.Noise(1, 1), 1)).Status);
    }

    [Fact]
    public async Task A_model_that_fails_to_load_leaves_the_old_one_in_place()
    {
        using var folder = new TemporaryFolder();
        var file = folder.PathOf("mine.safetensors");
        File.Copy(TestServer.SmallModel, file);
        await using var server = await TestServer.StartAsync(options =>
        {
            options.Models.Add(new("small", file));
            options.AllowModelControl = true;
        });
        var before = await InferAsync(server, Samples.Noise(1, 1), 1);
        File.WriteAllText(file, "no model");
        Assert.Equal(HttpStatusCode.BadRequest, await PostAsync(server, "/v2/repository/models/small/load"));
        Assert.Equal(before.Probabilities, (await InferAsync(server, Samples.Noise(1, 1), 1)).Probabilities);
        Assert.Equal(HttpStatusCode.BadRequest, await PostAsync(server, "/v2/repository/models/small/load", """{"parameters":{"config":"{}","file:1/model":"AAAA"}}"""));
        Assert.Equal(HttpStatusCode.NotFound, await PostAsync(server, "/v2/repository/models/other/load"));
    }

    [Fact]
    public async Task Without_the_key_only_health_and_the_page_are_answered()
    {
        await using var server = await TestServer.StartAsync(options => options.ApiKey = "secret");
        foreach (var path in (string[])["/", "/page.js", "/page.css", "/openapi/v1.json", "/v2/health/live", "/v2/health/ready"])
            Assert.Equal(200, (await server.SendAsync($"GET {path} HTTP/1.1\nHost: x\n\n")).Status);
        foreach (var path in (string[])["/v1/models", "/v2", "/v2/models/small", "/v2/models/other", "/metrics", "/v2/nothing"])
        {
            Assert.Equal(401, (await server.SendAsync($"GET {path} HTTP/1.1\nHost: x\n\n")).Status);
            Assert.Equal(401, (await server.SendAsync($"GET {path} HTTP/1.1\nHost: x\nX-API-Key: secre\n\n")).Status);
        }

        Assert.Equal(401, (await server.SendAsync("POST /v2/models/small/infer HTTP/1.1\nHost: x\nContent-Length: 0\n\n")).Status);
        Assert.Equal(200, (await server.SendAsync("GET /v1/models HTTP/1.1\nHost: x\nX-API-Key: secret\n\n")).Status);
        Assert.Equal(200, (await server.SendAsync("GET /metrics HTTP/1.1\nHost: x\nAuthorization: Bearer secret\n\n")).Status);
    }

    [Fact]
    public async Task A_page_of_another_site_may_not_post()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Equal(403, (await server.SendAsync("POST /v1/classify HTTP/1.1\nHost: x\nSec-Fetch-Site: cross-site\nContent-Length: 0\n\n")).Status);
        Assert.Equal(400, (await server.SendAsync("POST /v1/classify HTTP/1.1\nHost: x\nSec-Fetch-Site: same-origin\nContent-Length: 0\n\n")).Status);
    }

    [Theory]
    [InlineData("no such file")]
    [InlineData("two of a name")]
    [InlineData("a short queue")]
    public async Task What_can_not_be_served_is_told_at_the_start(string fault)
    {
        var error = await Record.ExceptionAsync(() => TestServer.StartAsync(options =>
        {
            options.Models.Add(new("one", fault == "no such file" ? "/nowhere/model.safetensors" : TestServer.SmallModel));
            if (fault == "two of a name")
                options.Models.Add(new("one", TestServer.SmallModel));
            if (fault == "a short queue")
                options.Queue = 1;
        }));
        Assert.True(error is RiffleException or ArgumentException, $"{error}");
        Error.Names(error.Message, fault switch { "no such file" => "/nowhere/model.safetensors", "two of a name" => "one", _ => "queue" });
    }

    private static async Task<(HttpStatusCode Status, float[] Probabilities)> InferAsync(TestServer server, byte[] pixels, int images)
    {
        using var answer = await server.Client.SendAsync(Request(pixels, images, """, "parameters":{"binary_data_output":true}"""), TestServer.Cancel);
        if (answer.StatusCode != HttpStatusCode.OK)
            return (answer.StatusCode, []);
        var body = await answer.Content.ReadAsByteArrayAsync(TestServer.Cancel);
        return (answer.StatusCode, MemoryMarshal.Cast<byte, float>(body.AsSpan(body.Length - (images * Samples.Classes * sizeof(float)))).ToArray());
    }

    private static HttpRequestMessage Request(byte[] pixels, int images, string more = "")
    {
        var json = Encoding.UTF8.GetBytes(Samples.Request("images", "UINT8", $"[{images},56,56,3]", pixels.Length, more));
        var request = new HttpRequestMessage(HttpMethod.Post, "/v2/models/small/infer") { Content = new ByteArrayContent([.. json, .. pixels]) };
        request.Content.Headers.Add("Inference-Header-Content-Length", $"{json.Length}");
        return request;
    }

    private static async Task<HttpStatusCode> PostAsync(TestServer server, string path, string body = "{}")
    {
        using var answer = await server.Client.PostAsync(path, new StringContent(body), TestServer.Cancel);
        return answer.StatusCode;
    }

    private static double Metric(string metrics, string name, string reason = "") => double.Parse(
        metrics.Split('\n').Single(line => line.StartsWith($"{name}{{", StringComparison.Ordinal) && line.Contains(reason)).Split(' ')[^1]);
}
