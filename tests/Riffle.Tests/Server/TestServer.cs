using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Riffle.Models;
using Riffle.Server;
using Riffle.Tests.Cli;

namespace Riffle.Tests.Server;

/// <summary>A server in this process, on a free port of the loopback address, over real sockets.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    /// <summary>The network that most tests serve; small and quick. It has no doubt, so that answers have the same form however its training went.</summary>
    public static readonly string SmallModel = WithoutDoubt("shufflenet-v1-g1-x0.25");

    private readonly CancellationTokenSource _stop;
    private readonly Task _run;

    private TestServer(Task run, CancellationTokenSource stop, IReadOnlyList<string> addresses)
    {
        (_run, _stop) = (run, stop);
        Client = new() { BaseAddress = new(addresses[0]), Timeout = TimeSpan.FromSeconds(60) };
        GrpcAddress = new(addresses[^1]);
    }

    public HttpClient Client { get; }

    /// <summary>Where it answers gRPC, if it does.</summary>
    public Uri GrpcAddress { get; }

    public int Port => Client.BaseAddress!.Port;

    public static async Task<TestServer> StartAsync(Action<ServerOptions>? configure = null, HostSettings? settings = null)
    {
        var options = new ServerOptions();
        configure?.Invoke(options);
        if (options.Models.Count == 0)
            options.Models.Add(new("small", SmallModel));
        var (stop, listening) = (new CancellationTokenSource(), new TaskCompletionSource<IReadOnlyList<string>>(TaskCreationOptions.RunContinuationsAsynchronously));
        var run = Task.Run(() => RiffleHost.RunAsync(options, (settings ?? new()) with { Port = 0, Drain = settings?.Drain ?? TimeSpan.Zero }, listening.SetResult, stop.Token));
        await Task.WhenAny(run, listening.Task);
        if (!listening.Task.IsCompleted)
            await run;
        return new(run, stop, await listening.Task);
    }

    /// <summary>A copy of a shipped network beside the tests.</summary>
    private static string WithoutDoubt(string network)
    {
        var shipped = Checkpoint.Load(Path.Combine(Shell.Root, "models", network + ".safetensors"));
        var copy = Path.Combine(AppContext.BaseDirectory, network + "-without-doubt.safetensors");
        new Checkpoint(shipped.Spec, shipped.Weights, shipped.Classes, shipped.Normalisation, shipped.Training).Save(copy);
        return copy;
    }

    /// <summary>Asks it to end, and waits until it has.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _run;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Client.Dispose();
        _stop.Dispose();
    }

    public async Task<JsonNode> GetAsync(string path)
    {
        using var answer = await Client.GetAsync(path, Cancel);
        var text = await answer.Content.ReadAsStringAsync(Cancel);
        Assert.True(answer.IsSuccessStatusCode, $"{path}: {answer.StatusCode} {text}");
        return JsonNode.Parse(text)!;
    }

    /// <summary>Posts JSON, and returns the status and the document.</summary>
    public async Task<(int Status, JsonNode Answer)> PostAsync(string path, JsonNode body)
    {
        using var answer = await Client.PostAsJsonAsync(path, body, JsonSerializerOptions.Web, Cancel);
        return ((int)answer.StatusCode, JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancel))!);
    }

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Sends bytes as they are over a connection of its own, and reads one answer.</summary>
    public Task<WireAnswer> SendAsync(string head, byte[]? body = null) => SendAsync([.. Encoding.Latin1.GetBytes(head.ReplaceLineEndings("\r\n")), .. body ?? []]);

    /// <inheritdoc cref="SendAsync(string, byte[])"/>
    public async Task<WireAnswer> SendAsync(byte[] request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", Port, Cancel);
        var stream = client.GetStream();
        await stream.WriteAsync(request, Cancel);
        return await WireAnswer.ReadAsync(stream);
    }
}

/// <summary>An answer as it came over the wire, read without any library for HTTP.</summary>
internal sealed record WireAnswer(int Status, Dictionary<string, string> Headers, byte[] Body)
{
    public JsonNode Json => JsonNode.Parse(Body)!;

    /// <summary>The JSON before binary tensors, and these.</summary>
    public (JsonNode Json, byte[] Binary) Parts
    {
        get
        {
            var length = int.Parse(Headers["inference-header-content-length"]);
            return (JsonNode.Parse(Body.AsSpan(0, length))!, Body[length..]);
        }
    }

    public static async Task<WireAnswer> ReadAsync(Stream stream) =>
        await TryReadAsync(stream) ?? throw new EndOfStreamException("the connection was closed before an answer");

    /// <summary>Null if the connection was closed before the first byte.</summary>
    public static async Task<WireAnswer?> TryReadAsync(Stream stream)
    {
        var one = new byte[1];
        try
        {
            if (await stream.ReadAsync(one, TestServer.Cancel) == 0)
                return null;
        }
        catch (IOException)
        {
            return null;
        }

        var head = new List<byte>(one);
        while (head is not [.., (byte)'\r', (byte)'\n', (byte)'\r', (byte)'\n'])
        {
            if (await stream.ReadAsync(one, TestServer.Cancel) == 0)
                throw new EndOfStreamException($"the connection was closed after '{Encoding.Latin1.GetString([.. head])}'");
            head.Add(one[0]);
        }

        var lines = Encoding.Latin1.GetString([.. head]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var headers = lines.Skip(1).Select(line => line.Split(": ", 2)).ToDictionary(pair => pair[0].ToLowerInvariant(), pair => pair[1]);
        var body = new byte[headers.TryGetValue("content-length", out var length) ? int.Parse(length) : 0];
        await stream.ReadExactlyAsync(body, TestServer.Cancel);
        return new(int.Parse(lines[0].Split(' ')[1]), headers, body);
    }
}
