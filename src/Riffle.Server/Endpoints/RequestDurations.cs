using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Riffle.Server.Endpoints;

/// <summary>.NET's own metric <c>http.server.request.duration</c>, as a histogram for Prometheus.</summary>
internal sealed class RequestDurations : IDisposable
{
    private const string Name = "http_server_request_duration_seconds";

    /// <summary>The bounds that ASP.NET Core advises, in seconds.</summary>
    private static readonly double[] Bounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

    /// <summary>What tells requests apart. Routes are patterns, of which there are few.</summary>
    private static readonly string[] Tags = ["http.request.method", "http.response.status_code", "http.route"];

    private readonly Lock _gate = new();
    private readonly Dictionary<(object? Method, object? Status, object? Route), Histogram> _histograms = [];
    private readonly MeterListener _listener = new();

    public RequestDurations()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == "http.server.request.duration" && instrument.Meter.Name == "Microsoft.AspNetCore.Hosting")
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<double>((_, seconds, tags, _) => Record(seconds, tags));
        _listener.Start();
    }

    public void Dispose() => _listener.Dispose();

    public void Write(StringBuilder text)
    {
        MetricsEndpoint.Begin(text, Name, "histogram", "Duration of HTTP server requests");
        lock (_gate)
        {
            foreach (var ((method, status, route), histogram) in _histograms)
                histogram.Write(text, $"http_request_method=\"{method}\",http_response_status_code=\"{status}\",http_route=\"{MetricsEndpoint.Escape($"{route}")}\"");
        }
    }

    private void Record(double seconds, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        object? Of(ReadOnlySpan<KeyValuePair<string, object?>> all, string name)
        {
            foreach (var (key, value) in all)
            {
                if (key == name)
                    return value;
            }

            return null;
        }

        var key = (Of(tags, Tags[0]), Of(tags, Tags[1]), Of(tags, Tags[2]));
        lock (_gate)
        {
            if (!_histograms.TryGetValue(key, out var histogram))
                _histograms.Add(key, histogram = new());
            histogram.Add(seconds);
        }
    }

    private sealed class Histogram
    {
        private readonly long[] _counts = new long[Bounds.Length + 1];
        private double _sum;

        public void Add(double seconds)
        {
            var bucket = Array.BinarySearch(Bounds, seconds);
            _counts[bucket < 0 ? ~bucket : bucket]++;
            _sum += seconds;
        }

        public void Write(StringBuilder text, string labels)
        {
            var count = 0L;
            for (var bucket = 0; bucket < _counts.Length; bucket++)
            {
                count += _counts[bucket];
                var bound = bucket < Bounds.Length ? Bounds[bucket].ToString(CultureInfo.InvariantCulture) : "+Inf";
                text.Append(CultureInfo.InvariantCulture, $"{Name}_bucket{{{labels},le=\"{bound}\"}} {count}\n");
            }

            text.Append(CultureInfo.InvariantCulture, $"{Name}_sum{{{labels}}} {_sum}\n{Name}_count{{{labels}}} {count}\n");
        }
    }
}
