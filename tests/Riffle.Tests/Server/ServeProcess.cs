using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Riffle.Tests.Cli;

namespace Riffle.Tests.Server;

/// <summary><c>riffle serve</c> in a process of its own, on a free port of the loopback address.</summary>
internal sealed partial class ServeProcess : IDisposable
{
    private readonly Task<string> _errors;

    private ServeProcess(Process process, Task<string> errors, int port) => (Process, _errors, Port) = (process, errors, port);

    public Process Process { get; }

    public int Port { get; }

    /// <summary>Starts it; returns when it accepts requests.</summary>
    public static Task<ServeProcess> StartAsync(params string[] arguments) => ListeningAsync(Shell.Start("dotnet", Shell.Arguments(["serve", "--port", "0", .. arguments])));

    /// <summary>Returns when a server that was started accepts requests.</summary>
    public static async Task<ServeProcess> ListeningAsync(Process process)
    {
        var errors = process.StandardError.ReadToEndAsync(TestServer.Cancel);
        var line = await process.StandardOutput.ReadLineAsync(TestServer.Cancel);
        return line is not null ? new(process, errors, int.Parse(Address().Match(line).Groups[1].ValueSpan)) : throw new InvalidOperationException(await errors);
    }

    public Task<WireConnection> ConnectAsync() => WireConnection.OpenAsync(Port);

    /// <summary>Sends one request over a connection of its own.</summary>
    public async Task<WireAnswer> AskAsync(byte[] request)
    {
        using var connection = await ConnectAsync();
        return await connection.AskAsync(request);
    }

    public async Task<string> MetricsAsync() => Encoding.UTF8.GetString((await AskAsync("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray())).Body);

    /// <summary>Sends SIGTERM, and waits for the end.</summary>
    /// <returns>The exit code, the time to the end, and what was written to the standard error stream.</returns>
    public async Task<(int ExitCode, TimeSpan Took, string Errors)> TerminateAsync()
    {
        var began = Stopwatch.GetTimestamp();
        Assert.Equal(0, Shell.Run("kill", ["-TERM", $"{Process.Id}"]).ExitCode);
        await Process.WaitForExitAsync(TestServer.Cancel).WaitAsync(TimeSpan.FromMinutes(1));
        return (Process.ExitCode, Stopwatch.GetElapsedTime(began), await _errors);
    }

    public void Dispose()
    {
        if (!Process.HasExited)
            Process.Kill();
        Process.Dispose();
    }

    [GeneratedRegex(@"http://127\.0\.0\.1:(\d+)")]
    private static partial Regex Address();
}

/// <summary>A connection that stays open, without any library for HTTP.</summary>
internal sealed class WireConnection : IDisposable
{
    private readonly TcpClient _client;
    private readonly BufferedStream _answers;

    private WireConnection(TcpClient client)
    {
        _client = client;
        Stream = client.GetStream();
        _answers = new(Stream);
    }

    public NetworkStream Stream { get; }

    public static async Task<WireConnection> OpenAsync(int port)
    {
        var client = new TcpClient { NoDelay = true };
        try
        {
            await client.ConnectAsync("127.0.0.1", port, TestServer.Cancel);
            return new(client);
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    public async Task SendAsync(ReadOnlyMemory<byte> bytes) => await Stream.WriteAsync(bytes, TestServer.Cancel);

    /// <summary>Null if the connection was closed before the first byte of an answer.</summary>
    public Task<WireAnswer?> TryReadAsync() => WireAnswer.TryReadAsync(_answers);

    /// <inheritdoc cref="TryReadAsync"/>
    public async Task<WireAnswer?> TryAskAsync(ReadOnlyMemory<byte> request)
    {
        try
        {
            await SendAsync(request);
        }
        catch (IOException)
        {
            return null;
        }

        return await TryReadAsync();
    }

    public async Task<WireAnswer> AskAsync(byte[] request)
    {
        await SendAsync(request);
        return await WireAnswer.ReadAsync(_answers);
    }

    /// <summary>Says that nothing more will be sent.</summary>
    public void CloseHalf() => _client.Client.Shutdown(SocketShutdown.Send);

    public void Dispose()
    {
        _answers.Dispose();
        _client.Dispose();
    }
}
