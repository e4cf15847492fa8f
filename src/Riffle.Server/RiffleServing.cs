using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Riffle.Server.Batching;
using Riffle.Server.Decoding;
using Riffle.Server.Endpoints;
using Riffle.Server.Grpc;
using Riffle.Server.Protocol;

namespace Riffle.Server;

/// <summary>Riffle's models in a program on ASP.NET Core: <c>builder.Services.AddRiffle("runs/photos")</c>, then <c>app.MapRiffle()</c>.</summary>
public static class RiffleServing
{
    /// <summary>Adds models under the names of their folders or files.</summary>
    /// <param name="services">The program's services.</param>
    /// <param name="models">Each a checkpoint file, a run folder or an ONNX file, or <c>NAME=PATH</c>.</param>
    /// <exception cref="ArgumentException">A model has no usable name.</exception>
    public static IServiceCollection AddRiffle(this IServiceCollection services, params string[] models) => services.AddRiffle(options =>
    {
        foreach (var model in models)
            options.Models.Add(ModelSource.Parse(model));
    });

    /// <summary>Adds models, with limits of your own.</summary>
    /// <param name="services">The program's services.</param>
    /// <param name="configure">Sets what is served.</param>
    public static IServiceCollection AddRiffle(this IServiceCollection services, Action<ServerOptions> configure)
    {
        var options = new ServerOptions();
        configure(options);
        return services.AddRiffle(options);
    }

    internal static IServiceCollection AddRiffle(this IServiceCollection services, ServerOptions options) =>
        services.AddRouting().AddSingleton(options)
            .AddSingleton<ModelRepository>().AddSingleton<Decoders>().AddSingleton<InferenceRunner>().AddSingleton<Descriptions>()
            .AddSingleton<BytesInFlight>().AddSingleton<ServerState>().AddSingleton<RequestDurations>().AddSingleton<Guard>()
            .AddSingleton<ProtocolEndpoints>().AddSingleton<PlainEndpoints>().AddSingleton<PageEndpoints>().AddSingleton<MetricsEndpoint>();

    /// <summary>Loads the models and maps their interfaces: the Open Inference Protocol below <c>/v2</c>, the plain one below <c>/v1</c>, the page, its
    /// description below <c>/openapi</c>, and <c>/metrics</c>.</summary>
    /// <param name="routes">The program, or a group of routes.</param>
    /// <exception cref="ArgumentException">The options are invalid.</exception>
    /// <exception cref="RiffleException">A model can't be loaded.</exception>
    public static IEndpointRouteBuilder MapRiffle(this IEndpointRouteBuilder routes)
    {
        var services = routes.ServiceProvider;
        services.GetService<IHostApplicationLifetime>()?.ApplicationStopping.Register(services.GetRequiredService<ServerState>().Drain);
        services.GetRequiredService<ProtocolEndpoints>().Map(routes);
        services.GetRequiredService<PlainEndpoints>().Map(routes);
        services.GetRequiredService<PageEndpoints>().Map(routes);
        services.GetRequiredService<MetricsEndpoint>().Map(routes);
        return routes;
    }

    /// <summary>Adds what <see cref="MapRiffleGrpc"/> needs, besides AddRiffle.</summary>
    /// <param name="services">The program's services.</param>
    public static IServiceCollection AddRiffleGrpc(this IServiceCollection services)
    {
        services.AddGrpc();
        return services.AddSingleton<IConfigureOptions<GrpcServiceOptions>>(provider => new ConfigureOptions<GrpcServiceOptions>(
            grpc => grpc.MaxReceiveMessageSize = provider.GetRequiredService<ServerOptions>().MaxBodyBytes));
    }

    /// <summary>Maps the Open Inference Protocol over gRPC, which needs HTTP/2.</summary>
    /// <param name="routes">The program, or a group of routes.</param>
    public static IEndpointRouteBuilder MapRiffleGrpc(this IEndpointRouteBuilder routes)
    {
        routes.MapGrpcService<GrpcService>();
        return routes;
    }
}
