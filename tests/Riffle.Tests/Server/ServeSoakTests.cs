using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Riffle.Tests.Cli;
using Riffle.Tests.Soak;

namespace Riffle.Tests.Server;

/// <summary>A server that is loaded again, ended and overloaded loses no request that it has accepted, and its memory stays flat. Run by name, for they take minutes.</summary>
[Trait("Category", "soak")]
[Collection(nameof(Alone))]
public sealed class ServeSoakTests(ITestOutputHelper output)
{
    private static readonly string Small = $"small={TestServer.SmallModel}";

    /// <summary>Memory can only be judged over many: the collector and the allocator, which has a pool for each new thread, come to rest after two thousand. A model that were kept would take a
    /// megabyte of each of the three thousand that follow, a hundred times as much as is allowed.</summary>
    [Fact]
    public async Task Six_thousand_reloads_under_load_lose_no_request()
    {
        const int Reloads = 6000, Connections = 4;
        using var server = await ServeProcess.StartAsync(Small, "--allow-model-control");
        var (watch, done, load) = (new MemoryWatch(server.Process), false, Samples.Post("/v2/repository/models/small/load", "", []));
        var expected = (await server.AskAsync(Samples.OfAllKinds[0])).Body;
        var clients = Enumerable.Range(0, Connections).Select(_ => Task.Run(async () =>
        {
            using var connection = await server.ConnectAsync();
            var count = 0;
            for (; !Volatile.Read(ref done); count++)
            {
                var answer = await connection.AskAsync(Samples.OfAllKinds[0]);
                Assert.Equal(200, answer.Status);
                Assert.Equal(expected, answer.Body);
            }

            return count;
        })).ToArray();
        for (var i = 0; i < Reloads; i++)
        {
            Assert.Equal(200, (await server.AskAsync(load)).Status);
            watch.Sample();
        }

        Volatile.Write(ref done, true);
        output.WriteLine($"{Reloads} reloads, {(await Task.WhenAll(clients)).Sum():N0} requests meanwhile, all answered");
        watch.RequireFlat(output, "Resident memory of a server", "reloads", warmUp: 0.5);
    }

    [UnixFact]
    public async Task A_hundred_ends_under_load_lose_no_accepted_request()
    {
        const int Ends = 100, Connections = 6;
        var (random, all, times) = (new Random(1), new Tally(), new List<double>());
        for (var end = 0; end < Ends; end++)
        {
            using var server = await ServeProcess.StartAsync(Small, "--drain", "0.2");
            var ending = new Ending();
            var clients = Enumerable.Range(0, Connections).Select(client => Task.Run(() => AskToTheEndAsync(server, client % 2 == 0, ending, all))).ToArray();
            await Task.Delay(random.Next(100, 400), TestServer.Cancel);
            Volatile.Write(ref ending.At, Stopwatch.GetTimestamp());
            var (code, took, errors) = await server.TerminateAsync();
            await Task.WhenAll(clients);
            Assert.Equal((0, ""), (code, errors));
            Assert.InRange(took, TimeSpan.Zero, TimeSpan.FromSeconds(20));
            Assert.True(all.Lost == 0, $"end {end}: {all.Lost} accepted requests were lost");
            times.Add(took.TotalSeconds);
        }

        Assert.True(all.Answered > 10 * Ends && all.AnsweredAfterSignal > Ends, $"{all.Answered} requests were answered, {all.AnsweredAfterSignal} of them after the signal");
        output.WriteLine($"{Ends} ends: {all.Answered:N0} requests answered, {all.AnsweredAfterSignal:N0} of them after the signal; {all.Announced:N0} were accepted with 100 Continue; "
            + $"{all.NotAccepted:N0} were not accepted, none was lost; exit after {Quantile(times, 0.5):0.00} s at the median, {times.Max():0.00} s at most");
    }

    /// <summary>Sends requests until nobody listens. What announces its body knows by "100 Continue" that the server has accepted it; the others were accepted if they were sent before the
    /// signal.</summary>
    private static async Task AskToTheEndAsync(ServeProcess server, bool announces, Ending ending, Tally all)
    {
        var request = Samples.Binary("images", "UINT8", "[1,56,56,3]", Samples.Noise(1, 1), announces ? "Expect: 100-continue\r\n" : "");
        var head = request.AsSpan().IndexOf("\r\n\r\n"u8) + 4;
        while (true)
        {
            WireConnection connection;
            try
            {
                connection = await server.ConnectAsync();
            }
            catch (SocketException)
            {
                return;
            }

            using (connection)
            {
                for (var isOpen = true; isOpen;)
                {
                    // An answer that ends in its middle throws.
                    var accepted = !announces && Stopwatch.GetTimestamp() < Volatile.Read(ref ending.At);
                    var answer = await connection.TryAskAsync(request.AsMemory(0, announces ? head : request.Length));
                    if (announces && answer is { Status: 100 })
                    {
                        accepted = true;
                        Interlocked.Increment(ref all.Announced);
                        answer = await connection.TryAskAsync(request.AsMemory(head));
                    }

                    isOpen = answer is not null && answer.Headers.GetValueOrDefault("connection") != "close";
                    all.Add(answer, accepted, ending);
                }
            }
        }
    }

    [Fact]
    public async Task At_three_times_the_load_that_it_bears_what_is_accepted_is_answered_in_time()
    {
        const int Images = 4, Queue = 16, Times = 3;
        var duration = TimeSpan.FromSeconds(20);

        // A request may find the queue full of others before it; twice that, for those that are refused, and the clients, need the same cores.
        const double Factor = 2 * (1 + ((double)Queue / Images));
        using var server = await ServeProcess.StartAsync(
            $"small={Path.Combine(Shell.Root, "models", "shufflenet-v2-x1.0.safetensors")}", "--queue", $"{Queue}", "--max-batch", $"{Queue}");
        var request = Samples.Binary("images", "UINT8", $"[{Images},56,56,3]", Samples.Noise(Images, 1));
        await ClosedLoopAsync(server, request, 2, TimeSpan.FromSeconds(2));
        var alone = await ClosedLoopAsync(server, request, 1, TimeSpan.FromSeconds(5));
        var limit = TimeSpan.FromSeconds(5);
        var bearable = (await ClosedLoopAsync(server, request, Queue / Images, limit)).Length / limit.TotalSeconds;
        var before = await RefusalsAsync(server);
        var (watch, idle, answers, open) = (new MemoryWatch(server.Process), new ConcurrentBag<WireConnection>(), new ConcurrentBag<(int Status, double Milliseconds)>(), new List<Task>());
        var began = Stopwatch.GetTimestamp();
        for (var (sent, sampled) = (0, 0); Stopwatch.GetElapsedTime(began) < duration;)
        {
            // Every few milliseconds, what is due by then, whether or not those before are answered.
            var now = Stopwatch.GetElapsedTime(began).TotalSeconds;
            for (; sent < now * bearable * Times; sent++)
                open.Add(Task.Run(SendAsync));
            for (; sampled < now * 2; sampled++)
                watch.Sample();
            await Task.Delay(2, TestServer.Cancel);
        }

        await Task.WhenAll(open);
        var accepted = answers.Where(answer => answer.Status == 200).Select(answer => answer.Milliseconds).ToArray();
        var refused = answers.Count(answer => answer.Status == 503);
        Assert.Equal(open.Count, accepted.Length + refused);
        var after = await RefusalsAsync(server);
        var (refusals, quick) = (after.All - before.All, after.Quick - before.Quick);
        double few = Quantile(alone, 0.99), many = Quantile(accepted, 0.99);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{Images} images a request: alone p50 {Quantile(alone, 0.5):0.0} ms, p99 {few:0.0} ms; {bearable:0} requests a second are borne; at {open.Count / duration.TotalSeconds:0} a second "
            + $"{accepted.Length / duration.TotalSeconds:0} are answered, p50 {Quantile(accepted, 0.5):0.0} ms, p99 {many:0.0} ms, {many / few:0.0} times that alone (allowed: {Factor:0}); "
            + $"{refused} are refused, {100.0 * quick / refusals:0.0} % of them within 5 ms of the server's time; {idle.Count} connections"));
        foreach (var connection in idle)
            connection.Dispose();
        Assert.Equal(refused, refusals);
        Assert.InRange(refused, open.Count / 3, open.Count);
        Assert.InRange(many, 0, few * Factor);
        Assert.True(2 * quick > refusals, "at the median, a refusal takes more than 5 ms of the server's time");
        watch.RequireFlat(output, "Resident memory of an overloaded server", "half seconds");

        async Task SendAsync()
        {
            var start = Stopwatch.GetTimestamp();
            if (!idle.TryTake(out var connection))
                connection = await server.ConnectAsync();
            var answer = await connection.AskAsync(request);
            answers.Add((answer.Status, Stopwatch.GetElapsedTime(start).TotalMilliseconds));
            idle.Add(connection);
        }
    }

    [Fact]
    public async Task Memory_of_twenty_thousand_requests_is_flat()
    {
        const int First = 2_000, All = 20_000, Step = 500;
        using var server = await ServeProcess.StartAsync(Small);
        var (watch, sizes) = (new MemoryWatch(server.Process), new List<long>());
        for (var done = 0; done < All; done += Step)
        {
            await SendKindsAsync(server.Port, Step);
            watch.Sample();
            sizes.Add(server.Process.WorkingSet64);
        }

        output.WriteLine($"resident: {sizes[(First / Step) - 1] >> 10:N0} KiB after {First:N0} requests, {sizes[^1] >> 10:N0} KiB after {All:N0}");
        watch.RequireFlat(output, "Resident memory of a server", $"{Step} requests");

        await using var here = await TestServer.StartAsync();
        await SendKindsAsync(here.Port, First);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        await SendKindsAsync(here.Port, All - First);
        var after = GC.GetTotalMemory(forceFullCollection: true);
        output.WriteLine($"managed heap, with its clients: {before >> 10:N0} KiB after {First:N0} requests, {after >> 10:N0} KiB after {All:N0}");
        Assert.InRange(after - before, long.MinValue, 1 << 20);
    }

    /// <summary>Sends requests of all kinds over a few connections, also some that fail.</summary>
    private static Task SendKindsAsync(int port, int count)
    {
        const int Connections = 8;
        byte[][] kinds = [.. Samples.OfAllKinds, .. MakeFailing()];
        return Task.WhenAll(Enumerable.Range(0, Connections).Select(client => Task.Run(async () =>
        {
            using var connection = await WireConnection.OpenAsync(port);
            for (var i = client; i < count; i += Connections)
            {
                var kind = i / Connections % kinds.Length;
                Assert.Equal(kind < Samples.OfAllKinds.Length ? 200 : 400, (await connection.AskAsync(kinds[kind])).Status);
            }
        })));
    }

    private static IEnumerable<byte[]> MakeFailing()
    {
        yield return Samples.Binary("image", "BYTES", "[1]", [4, 0, 0, 0, 1, 2, 3, 4]);
        yield return Samples.Binary("images", "UINT8", "[1,55,55,3]", new byte[55 * 55 * 3]);
        yield return Samples.Post("/v1/classify?top=none", "", [1]);
    }

    private static async Task<double[]> ClosedLoopAsync(ServeProcess server, byte[] request, int connections, TimeSpan duration)
    {
        var began = Stopwatch.GetTimestamp();
        var times = await Task.WhenAll(Enumerable.Range(0, connections).Select(_ => Task.Run(async () =>
        {
            var own = new List<double>();
            using var connection = await server.ConnectAsync();
            while (Stopwatch.GetElapsedTime(began) < duration)
            {
                var start = Stopwatch.GetTimestamp();
                Assert.Equal(200, (await connection.AskAsync(request)).Status);
                own.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }

            return own;
        })));
        return [.. times.SelectMany(one => one)];
    }

    /// <summary>How many requests the server has refused, and how many of them within five milliseconds, by its own histogram.</summary>
    private static async Task<(long All, long Quick)> RefusalsAsync(ServeProcess server)
    {
        var lines = (await server.MetricsAsync()).Split('\n').Where(line => line.Contains("status_code=\"503\"") && line.Contains("/infer\"")).ToArray();
        long Of(string what) => long.Parse(lines.FirstOrDefault(line => line.Contains(what))?.Split(' ')[^1] ?? "0", CultureInfo.InvariantCulture);
        return (Of("_count{"), Of("le=\"0.005\""));
    }

    private static double Quantile(IEnumerable<double> values, double quantile) => values.Order().ToArray() is var all && all.Length > 0 ? all[(int)(quantile * (all.Length - 1))] : double.NaN;

    /// <summary>When the signal was sent, as a timestamp.</summary>
    private sealed class Ending
    {
        public long At = long.MaxValue;
    }

    private sealed class Tally
    {
        public long Answered, AnsweredAfterSignal, Announced, NotAccepted, Lost;

        public void Add(WireAnswer? answer, bool accepted, Ending ending)
        {
            if (answer is { Status: 200 })
            {
                Interlocked.Increment(ref Answered);
                if (Stopwatch.GetTimestamp() > Volatile.Read(ref ending.At))
                    Interlocked.Increment(ref AnsweredAfterSignal);
            }
            else
            {
                Interlocked.Increment(ref answer is not null || accepted ? ref Lost : ref NotAccepted);
            }
        }
    }
}
