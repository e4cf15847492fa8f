using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Riffle.Server.Endpoints;

/// <summary>How paths are mapped.</summary>
internal static class Routes
{
    private static readonly string[] Reading = [HttpMethods.Get, HttpMethods.Head];

    /// <summary>Maps GET, and HEAD, which load balancers send: the same answer, of which Kestrel leaves out the body.</summary>
    public static void MapRead(this IEndpointRouteBuilder routes, string pattern, RequestDelegate handler) => routes.MapMethods(pattern, Reading, handler);
}
