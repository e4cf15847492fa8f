using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Configuration.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Riffle.Server.Endpoints;

namespace Riffle.Server;

/// <summary>Where a server of its own listens, and how it ends.</summary>
public sealed record HostSettings
{
    /// <summary>An IP address, a name of this machine, or <c>*</c> for every address.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>0 to 65535; 0: a free one.</summary>
    public int Port { get; init; } = 8000;

    /// <summary>The port of gRPC, 0 to 65535, where clients speak HTTP/2 without TLS; null: none.</summary>
    public int? GrpcPort { get; init; }

    /// <summary>How long the server says that it is not ready, and still accepts requests, before it ends; less where no client is connected.</summary>
    public TimeSpan Drain { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long requests that were accepted may take after that.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);
}

/// <summary>A server of its own, as <c>riffle serve</c> runs it.</summary>
public static class RiffleHost
{
    private const string Endpoints = "Kestrel:Endpoints";

    private const int MostConnections = 4096;

    /// <summary>What the system keeps of answers that a client has not read yet.</summary>
    private const int SendBuffer = 256 << 10;

    /// <summary>For all headers of a request; honest clients send them at once. Bodies have Kestrel's least rate: 240 bytes a second, after five seconds.</summary>
    private static readonly TimeSpan HeadersTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Who reads answers more slowly is cut off. Kestrel counts from what it has sent, not from what was read, so that a full buffer alone may take so long as this rate
    /// allows.</summary>
    private static readonly MinDataRate ReadingRate = new(bytesPerSecond: 32 << 10, gracePeriod: TimeSpan.FromSeconds(5));

    /// <summary>Serves until it is cancelled; then it says that it is not ready, answers what it has accepted, and returns.</summary>
    /// <param name="options">What is served.</param>
    /// <param name="settings">Where. Endpoints of Kestrel's own configuration, from the environment (<c>Kestrel__Endpoints__…</c>), take its place.</param>
    /// <param name="listening">Gets the addresses as soon as requests are accepted; that of gRPC is the last.</param>
    /// <param name="cancel">Ends it.</param>
    /// <exception cref="ArgumentException">The options are invalid.</exception>
    /// <exception cref="RiffleException">A model can't be loaded, or the address can't be used.</exception>
    public static async Task RunAsync(ServerOptions options, HostSettings settings, Action<IReadOnlyList<string>> listening, CancellationToken cancel = default)
    {
        options.Check();

        // Requests that are refused must not wait behind those that decode images.
        ThreadPool.GetMinThreads(out var workers, out var io);
        ThreadPool.SetMinThreads(Math.Max(workers, (2 * Environment.ProcessorCount) + 4), io);
        var connections = new OpenConnections();
        var app = Build(options, settings, connections);
        await using (app.ConfigureAwait(false))
        {
            app.MapRiffle();
            if (settings.GrpcPort is not null)
                app.MapRiffleGrpc();
            try
            {
                await app.StartAsync(cancel).ConfigureAwait(false);
            }
            catch (Exception e) when (e is SocketException or { InnerException: SocketException or AddressInUseException })
            {
                throw new RiffleException($"can't listen on {settings.Host}: {e.Message.TrimEnd('.')}. Choose another port; 0 is a free one.", e);
            }

            listening([.. app.Urls]);
            using var stopped = CancellationTokenSource.CreateLinkedTokenSource(cancel, app.Lifetime.ApplicationStopping);
            await Task.Delay(Timeout.Infinite, stopped.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            app.Services.GetRequiredService<ServerState>().Drain();
            await connections.EmptyAsync(settings.Drain).ConfigureAwait(false);
            await app.StopAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    private static WebApplication Build(ServerOptions options, HostSettings settings, OpenConnections connections)
    {
        var address = AddressOf(settings.Host);

        // Settings come from the environment, not from what may lie in the current folder.
        var builder = WebApplication.CreateSlimBuilder();
        foreach (var file in builder.Configuration.Sources.OfType<JsonConfigurationSource>().ToArray())
            builder.Configuration.Sources.Remove(file);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning).AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None);
        builder.Services.AddRiffle(options).AddSingleton<IHostLifetime, NoLifetime>().Configure<HostOptions>(host => host.ShutdownTimeout = settings.Patience);
        if (settings.GrpcPort is not null)
            builder.Services.AddRiffleGrpc();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = Listen);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes;
            kestrel.Limits.MaxConcurrentConnections = MostConnections;
            kestrel.Limits.RequestHeadersTimeout = HeadersTimeout;
            kestrel.Limits.MinResponseDataRate = ReadingRate;
            kestrel.ConfigureEndpointDefaults(connections.Count);
            if (!builder.Configuration.GetSection(Endpoints).GetChildren().Any())
                kestrel.Listen(address, settings.Port);
            if (settings.GrpcPort is { } port)
                kestrel.Listen(address, port, listen => listen.Protocols = HttpProtocols.Http2);
        });
        return builder.Build();
    }

    private static Socket Listen(EndPoint endpoint)
    {
        var socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
        socket.SendBufferSize = SendBuffer; // Connections take it over.
        return socket;
    }

    private static IPAddress AddressOf(string host)
    {
        try
        {
            return host switch
            {
                "*" => Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any,
                "localhost" => IPAddress.Loopback,
                _ => IPAddress.TryParse(host, out var address) ? address : Dns.GetHostAddresses(host)[0],
            };
        }
        catch (Exception e) when (e is SocketException or ArgumentException or IndexOutOfRangeException)
        {
            throw new RiffleException($"{host}: this machine has no such address: {e.Message} Give an IP address, localhost, or * for every address.", e);
        }
    }

    /// <summary>Leaves signals to the program.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    /// <summary>The connections of clients.</summary>
    private sealed class OpenConnections
    {
        private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(10);

        private int _open;

        public void Count(ListenOptions listen) => listen.Use(next => async connection =>
        {
            Interlocked.Increment(ref _open);
            try
            {
                await next(connection).ConfigureAwait(false);
            }
            finally
            {
                Interlocked.Decrement(ref _open);
            }
        });

        /// <summary>Waits until there are none, but not longer than that.</summary>
        public async Task EmptyAsync(TimeSpan most)
        {
            var began = Stopwatch.GetTimestamp();
            while (Volatile.Read(ref _open) > 0 && Stopwatch.GetElapsedTime(began) < most)
                await Task.Delay(Look).ConfigureAwait(false);
        }
    }
}
