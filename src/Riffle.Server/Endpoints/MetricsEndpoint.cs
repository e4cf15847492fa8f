using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Riffle.Server.Batching;

namespace Riffle.Server.Endpoints;

/// <summary>Metrics in Prometheus's text format (version 0.0.4): Triton's names for the models, so that its dashboards fit, and .NET's for HTTP.</summary>
internal sealed class MetricsEndpoint(ModelRepository models, RequestDurations durations, Guard guard)
{
    private static readonly (string Name, string Type, string Help, Func<ModelRepository.Slot, ModelStatistics.Snapshot, long> Value)[] OfModels =
    [
        ("nv_inference_request_success", "counter", "Number of successful inference requests", (_, all) => all.Success.Count),
        ("nv_inference_count", "counter", "Number of images that were computed", (_, all) => all.Inferences),
        ("nv_inference_exec_count", "counter", "Number of batches that were computed", (_, all) => all.Executions),
        ("nv_inference_pending_request_count", "gauge", "Number of images that were accepted and are not answered", (slot, _) => slot.Current?.Pending ?? 0),
        ("nv_inference_request_duration_us", "counter", "Time of successful requests in microseconds", (_, all) => Microseconds(all.Success)),
        ("nv_inference_queue_duration_us", "counter", "Time in the queue in microseconds", (_, all) => Microseconds(all.Queue)),
        ("nv_inference_compute_input_duration_us", "counter", "Time of decoding in microseconds", (_, all) => Microseconds(all.Input)),
        ("nv_inference_compute_infer_duration_us", "counter", "Time in the engine in microseconds", (_, all) => Microseconds(all.Infer)),
        ("nv_inference_compute_output_duration_us", "counter", "Time of making answers in microseconds", (_, all) => Microseconds(all.Output)),
    ];

    public void Map(IEndpointRouteBuilder routes) => routes.MapRead("/metrics", guard.Of(AnswerAsync));

    private Task AnswerAsync(HttpContext context)
    {
        var text = new StringBuilder();
        var all = models.Slots.Select(slot => (Slot: slot, Label: $"model=\"{Escape(slot.Source.Name)}\",version=\"{ServedModel.Version}\"", Values: slot.Statistics.Read())).ToArray();
        foreach (var (name, type, help, value) in OfModels)
        {
            Begin(text, name, type, help);
            foreach (var (slot, label, values) in all)
                text.Append(CultureInfo.InvariantCulture, $"{name}{{{label}}} {value(slot, values)}\n");
        }

        const string Failures = "nv_inference_request_failure";
        Begin(text, Failures, "counter", "Number of failed inference requests");
        foreach (var (_, label, values) in all)
        {
            foreach (var (reason, count) in values.Failures)
                text.Append(CultureInfo.InvariantCulture, $"{Failures}{{{label},reason=\"{reason}\"}} {count}\n");
        }

        durations.Write(text);
        return Answer.WriteAsync(context, Encoding.UTF8.GetBytes(text.ToString()), "text/plain; version=0.0.4; charset=utf-8");
    }

    /// <summary>The lines before the values of a metric.</summary>
    internal static void Begin(StringBuilder text, string name, string type, string help) => text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {type}\n");

    internal static string Escape(string label) =>
        label.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    private static long Microseconds(ModelStatistics.Spent sum) => sum.Nanoseconds / 1000;
}
