using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Riffle.Serving.Benchmarks;

/// <summary>A connection of a client that sends the same request again and again, with as little work as possible: the client shares the machine with the server.</summary>
internal sealed class Connection : IDisposable
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _answer = new byte[1 << 16];
    private readonly byte[] _request;

    public Connection(int port, byte[] request)
    {
        _request = request;
        _socket.Connect(IPAddress.Loopback, port);
    }

    /// <summary>The bytes of a request.</summary>
    public static byte[] Request(string path, ReadOnlySpan<byte> body, string headers = "") =>
        [.. Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {body.Length}\r\n{headers}\r\n"), .. body];

    /// <summary>Sends the request and reads the answer.</summary>
    /// <returns>Its status.</returns>
    public async ValueTask<int> SendAsync()
    {
        for (var sent = 0; sent < _request.Length;)
            sent += await _socket.SendAsync(_request.AsMemory(sent));
        var (length, end) = (0, -1);
        while (end < 0)
        {
            var read = await _socket.ReceiveAsync(_answer.AsMemory(length));
            if (read == 0)
                throw new IOException("the server closed the connection");
            length += read;
            end = _answer.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
        }

        var (status, rest) = Read(_answer.AsSpan(0, end));
        for (rest -= length - end - 4; rest > 0;)
        {
            var read = await _socket.ReceiveAsync(_answer.AsMemory(0, Math.Min(rest, _answer.Length)));
            if (read == 0)
                throw new IOException("the server closed the connection");
            rest -= read;
        }

        return status;
    }

    public void Dispose() => _socket.Dispose();

    private static (int Status, int Length) Read(ReadOnlySpan<byte> head)
    {
        var name = "Content-Length: "u8;
        return Utf8Parser.TryParse(head["HTTP/1.1 ".Length..], out int status, out _) && head.IndexOf(name) is var at and >= 0
            && Utf8Parser.TryParse(head[(at + name.Length)..], out int length, out _)
            ? (status, length)
            : throw new IOException($"an answer without a status or a length: {Encoding.ASCII.GetString(head)}");
    }
}
