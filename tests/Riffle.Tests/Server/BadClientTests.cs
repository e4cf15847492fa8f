using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Server;

/// <summary>Clients that are slow, silent or greedy get a clear answer or lose their connection within a bounded time, and the others are served meanwhile. Run by name, for silence takes minutes.</summary>
[Trait("Category", "soak")]
[Collection(nameof(Alone))]
public sealed class BadClientTests(ITestOutputHelper output)
{
    private const int Idle = 500, OfEach = 5, Closed = 0, Nothing = -1;

    /// <summary>What a client sends, and what it may get, in seconds at most: <see cref="Closed"/> or a status.</summary>
    private static readonly (string Name, byte[] Bytes, Habit Habit, int[] Answers, double Seconds)[] Clients =
    [
        ("headers, a byte a second", Encoding.ASCII.GetBytes($"GET /{new string('a', 500)} HTTP/1.1\r\n"), Habit.Slow, [408, Closed], 15),
        ("a body, a byte a second", Samples.OfAllKinds[0], Habit.SlowBody, [408, Closed], 15),
        ("half a body", Samples.OfAllKinds[0][..5000], Habit.Silent, [408, Closed], 15),
        ("half a body in chunks", "POST /v1/classify HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n1234"u8.ToArray(), Habit.Silent, [408, Closed], 15),
        ("a whole request, half-closed", Samples.OfAllKinds[0], Habit.HalfClosed, [200, Closed], 5),
        ("half a body, half-closed", Samples.OfAllKinds[0][..5000], Habit.HalfClosed, [400, Closed], 5),
        ("half the headers, half-closed", "GET / HTTP/1.1\r\nHost:"u8.ToArray(), Habit.HalfClosed, [400, Closed], 5),
        ("a body that is too large", "POST /v1/classify HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000000\r\n\r\n"u8.ToArray(), Habit.Silent, [413], 5),
        ("too large in chunks", MakeChunks(), Habit.Silent, [413], 5),
        ("too large when unpacked", Samples.Post("/v1/classify", "Content-Encoding: gzip\r\n", Samples.Pack(new byte[100 << 20], "gzip")), Habit.Silent, [413], 5),
        ("an image of 100,000 × 100,000", Samples.Post("/v2/models/small/infer", "Inference-Header-Content-Length: 0\r\n", MakeBomb()), Habit.Silent, [400], 5),
        ("requests whose answers are not read", MakeMany(), Habit.Deaf, [Closed], 40),
        ("nothing", [], Habit.Silent, [408, Closed], 150),
    ];

    private enum Habit
    {
        /// <summary>Sends at once, and says nothing more.</summary>
        Silent,

        /// <summary>Sends a byte a second.</summary>
        Slow,

        /// <summary>Sends the headers at once, the body a byte a second.</summary>
        SlowBody,

        /// <summary>Sends at once, and closes its half.</summary>
        HalfClosed,

        /// <summary>Sends again and again, and does not read.</summary>
        Deaf,
    }

    [Fact]
    public async Task Bad_clients_are_answered_or_cut_off_and_others_are_served_meanwhile()
    {
        using var server = await ServeProcess.StartAsync($"small={TestServer.SmallModel}", "--max-body", "1");
        var (done, times) = (false, new List<double>());
        var good = Task.Run(async () =>
        {
            while (!Volatile.Read(ref done))
            {
                var began = Stopwatch.GetTimestamp();
                Assert.Equal(200, (await server.AskAsync(Samples.OfAllKinds[1])).Status);
                times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
                await Task.Delay(20, TestServer.Cancel);
            }
        });
        var found = await Task.WhenAll(
            from client in Clients
            from _ in Enumerable.Range(0, client.Bytes.Length == 0 ? Idle : OfEach)
            select Task.Run(() => RunAsync(server, client.Bytes, client.Habit, client.Seconds)));
        Volatile.Write(ref done, true);
        await good;
        foreach (var (client, of) in Clients.Zip(Split(found)))
        {
            var answers = string.Join(", ", of.GroupBy(one => one.Status).Select(group => $"{group.Count()} × {(group.Key == Closed ? "closed" : group.Key == Nothing ? "nothing" : group.Key)}"));
            output.WriteLine($"{client.Name}: {answers}, after {of.Min(one => one.Seconds):0.00} to {of.Max(one => one.Seconds):0.00} s");
        }

        var sorted = times.Order().ToArray();
        output.WriteLine($"meanwhile {sorted.Length:N0} JPEG images of others were answered, each over a connection of its own: p50 {sorted[sorted.Length / 2]:0.0} ms, p99 {sorted[sorted.Length * 99 / 100]:0.0} ms, "
            + $"{sorted[^1]:0.0} ms at most; {server.Process.WorkingSet64 >> 20} MiB resident at the end");
        foreach (var (client, of) in Clients.Zip(Split(found)))
            Assert.All(of, one => Assert.True(client.Answers.Contains(one.Status) && one.Seconds < client.Seconds, $"{client.Name}: {one.Status} after {one.Seconds:0.0} s"));
        Assert.True(sorted[sorted.Length * 99 / 100] < 1000, "others wait for bad clients");
        Assert.Contains("nv_inference_pending_request_count{model=\"small\",version=\"1\"} 0\n", await server.MetricsAsync());
        var (code, took, errors) = await server.TerminateAsync();
        Assert.Equal((0, ""), (code, errors));
        Assert.InRange(took.TotalSeconds, 0, 10);
    }

    private static IEnumerable<(int Status, double Seconds)[]> Split((int Status, double Seconds)[] all)
    {
        var at = 0;
        foreach (var client in Clients)
        {
            var count = client.Bytes.Length == 0 ? Idle : OfEach;
            yield return all[at..(at += count)];
        }
    }

    private static async Task<(int Status, double Seconds)> RunAsync(ServeProcess server, byte[] bytes, Habit habit, double most)
    {
        using var connection = await server.ConnectAsync();
        var began = Stopwatch.GetTimestamp();
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(most));
        var sending = SendAsync(connection, bytes, habit, late.Token);
        var status = Closed;
        if (habit == Habit.Deaf)
            await sending;
        else
            status = await AnswerAsync(connection, most);
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        await late.CancelAsync();
        await sending;
        return (status, seconds);
    }

    private static async Task<int> AnswerAsync(WireConnection connection, double most)
    {
        try
        {
            return (await connection.TryReadAsync().WaitAsync(TimeSpan.FromSeconds(most), TestServer.Cancel))?.Status ?? Closed;
        }
        catch (TimeoutException)
        {
            return Nothing;
        }
    }

    private static async Task SendAsync(WireConnection connection, byte[] bytes, Habit habit, CancellationToken cancel)
    {
        try
        {
            var head = habit == Habit.Slow ? 0 : habit == Habit.SlowBody ? bytes.AsSpan().IndexOf("\r\n\r\n"u8) + 4 : bytes.Length;
            do
                await connection.Stream.WriteAsync(bytes.AsMemory(0, head), cancel);
            while (habit == Habit.Deaf);
            if (habit == Habit.HalfClosed)
                connection.CloseHalf();
            for (; head < bytes.Length; head++)
            {
                await connection.Stream.WriteAsync(bytes.AsMemory(head, 1), cancel);
                await Task.Delay(1000, cancel);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The server has had enough.
        }
    }

    /// <summary>Three MiB in chunks of 64 KiB.</summary>
    private static byte[] MakeChunks() =>
        [.. "POST /v1/classify HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"u8, .. Enumerable.Repeat((byte[])[.. "10000\r\n"u8, .. new byte[65536], .. "\r\n"u8], 48).SelectMany(chunk => chunk)];

    private static byte[] MakeBomb()
    {
        using var lines = new MemoryStream();
        using (var packer = new ZLibStream(lines, CompressionLevel.SmallestSize, leaveOpen: true))
            packer.Write(new byte[100 << 20]);
        return TestImages.PngFile(("IHDR", TestImages.PngHeader(100_000, 100_000, depth: 8, colourType: 2)), ("IDAT", lines.ToArray()), ("IEND", []));
    }

    private static byte[] MakeMany() => [.. Enumerable.Repeat("GET /openapi/v1.json HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), 100).SelectMany(request => request)];
}
