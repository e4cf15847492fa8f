using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Riffle.Tests.Server;

/// <summary>Whatever comes over the wire, the answer is clear, and the server goes on.</summary>
/// <remarks><c>RIFFLE_FUZZ=SEED</c> draws other damages, <c>RIFFLE_FUZZ=SEED:CASE</c> runs one case alone.</remarks>
[Collection(nameof(Alone))]
public sealed class ServerFuzzTests(ITestOutputHelper output)
{
    private const int Few = 400, Many = 20_000, AtOnce = 32;

    /// <summary>A server waits for the rest of a request that was cut off.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);

    /// <summary>What a client may have done wrong, or what it may have hit by chance.</summary>
    private static readonly int[] Statuses = [200, 400, 401, 404, 405, 408, 411, 413, 414, 415, 431, 501, 505];

    private static readonly string[] Chosen = (Environment.GetEnvironmentVariable("RIFFLE_FUZZ") ?? "1").Split(':');

    private static readonly byte[][] Whole = Samples.OfAllKinds;

    [Fact]
    public Task Damaged_requests_are_answered() => RunAsync(Few);

    [Fact]
    [Trait("Category", "fuzz")]
    public Task Thousands_of_damaged_requests_are_answered() => RunAsync(Many);

    [Fact]
    public async Task A_whole_request_is_answered_with_200()
    {
        await using var server = await TestServer.StartAsync();
        foreach (var sample in Whole)
            Assert.Equal(200, (await server.SendAsync(sample)).Status);
    }

    private async Task RunAsync(int count)
    {
        var seed = int.Parse(Chosen[0], CultureInfo.InvariantCulture);
        var first = 0;
        if (Chosen.Length > 1)
            (first, count) = (int.Parse(Chosen[1], CultureInfo.InvariantCulture), 1);
        await using var server = await TestServer.StartAsync();
        foreach (var sample in Whole)
            await server.SendAsync(sample);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var answers = new SortedDictionary<int, int>();
        await Parallel.ForAsync(first, first + count, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = TestServer.Cancel }, async (number, _) =>
        {
            var status = await AnswerAsync(server, Damaged(seed, number));
            Assert.True(status == 0 || Statuses.Contains(status), $"RIFFLE_FUZZ={seed}:{number} was answered with {status}");
            lock (answers)
                answers[status] = answers.GetValueOrDefault(status) + 1;
        });

        Assert.True(count == 1 || answers.GetValueOrDefault(200) > count / 20 && answers.GetValueOrDefault(400) > count / 20, "too few requests got as far as an answer");
        output.WriteLine($"seed {seed}, {count} requests: {string.Join(", ", answers.Select(answer => $"{answer.Value} × {answer.Key}"))}");
        foreach (var sample in Whole)
            Assert.Equal(200, (await server.SendAsync(sample)).Status);
        while (!(await server.Client.GetStringAsync("/metrics", TestServer.Cancel)).Contains("nv_inference_pending_request_count{model=\"small\",version=\"1\"} 0\n"))
            await Task.Delay(10, TestServer.Cancel);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 32 << 20);
    }

    /// <summary>The status; 0 if the connection was closed without an answer, or the server waits for more.</summary>
    private static async Task<int> AnswerAsync(TestServer server, byte[] request)
    {
        using var client = new TcpClient { LingerState = new(true, 0) };
        await client.ConnectAsync("127.0.0.1", server.Port, TestServer.Cancel);
        var stream = client.GetStream();
        try
        {
            await stream.WriteAsync(request, TestServer.Cancel);
            return (await WireAnswer.ReadAsync(stream).WaitAsync(Patience, TestServer.Cancel)).Status;
        }
        catch (Exception e) when (e is IOException or SocketException or TimeoutException)
        {
            return 0;
        }
    }

    private static byte[] Damaged(int seed, int number)
    {
        var random = new Random((seed * 1_000_003) + number);
        var bytes = Whole[random.Next(Whole.Length)].ToList();
        for (var damages = random.Next(1, 4); damages > 0 && bytes.Count > 0; damages--)
        {
            // Most of it in the heads and the JSON, where most can go wrong.
            var at = random.Next(random.Next(3) == 0 ? bytes.Count : Math.Min(bytes.Count, 500));
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 40), bytes.Count - at));
                    break;
                case 2:
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 60), bytes.Count - at)));
                    break;
                case 3:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 4:
                    bytes.InsertRange(at, Encoding.ASCII.GetBytes($"{random.NextInt64(long.MinValue, long.MaxValue)}"));
                    break;
                default:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
            }
        }

        return [.. bytes];
    }
}
