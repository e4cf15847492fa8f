using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Riffle.Cli;

/// <summary>Writes what <c>riffle predict</c> finds, an image at a time, to standard output.</summary>
internal abstract class PredictionOutput
{
    private static readonly JsonSerializerOptions Line = new(JsonOutput.Settings) { WriteIndented = false, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    /// <summary>Whether a failure is written where the predictions are; otherwise it is only told on standard error.</summary>
    public virtual bool HasFailures => true;

    /// <summary>The formats by their names.</summary>
    /// <param name="format">text, csv, jsonl or json.</param>
    /// <param name="top">Predictions of an image.</param>
    public static PredictionOutput Of(string format, int top) => format switch
    {
        "csv" => new Csv(top),
        "jsonl" => new JsonLines(),
        "json" => new Json(),
        _ => new Text(),
    };

    /// <summary>Writes an image.</summary>
    public abstract void Write(FileClassification answer);

    /// <summary>Writes what comes after the last.</summary>
    public virtual void End()
    {
    }

    /// <summary>A verdict for programs; null if there is none.</summary>
    private static string? NameOf(Verdict? verdict) => verdict is { } known ? JsonNamingPolicy.SnakeCaseLower.ConvertName(known.ToString()) : null;

    private static IEnumerable<Guess> Guesses(Classification found) => found.Select(p => new Guess(p.Class, p.Index, p.Probability));

    private sealed record Guess(string Class, int Index, float Probability);

    private sealed class Text : PredictionOutput
    {
        public override bool HasFailures => false;

        public override void Write(FileClassification answer)
        {
            if (answer.Classification is not { } found)
                return;
            Console.WriteLine(answer.File + found.Verdict switch
            {
                Verdict.NotSure => "  not sure",
                Verdict.NoneOfTheClasses => "  probably none of the classes",
                _ => "",
            });
            foreach (var p in found)
                Console.WriteLine($"  {100 * p.Probability,6:0.00} %  {p.Class}{(p.Text == p.Class || p.Text.Length == 0 ? "" : "  " + p.Text)}");
        }
    }

    /// <summary>A line for each image (RFC 4180).</summary>
    private sealed class Csv : PredictionOutput
    {
        private readonly int _top;

        public Csv(int top)
        {
            _top = top;
            Console.WriteLine("file,verdict,error," + string.Join(',', Enumerable.Range(1, top).Select(rank => $"class_{rank},probability_{rank}")));
        }

        public override void Write(FileClassification answer)
        {
            var guesses = answer.Classification?.SelectMany(p => (string[])[p.Class, p.Probability.ToString(CultureInfo.InvariantCulture)]) ?? [];
            string?[] cells = [answer.File, NameOf(answer.Classification?.Verdict), answer.Error?.Message, .. guesses];
            Array.Resize(ref cells, 3 + (2 * _top));
            Console.WriteLine(string.Join(',', cells.Select(Cell)));
        }

        private static string Cell(string? value) =>
            value is null ? "" : value.AsSpan().ContainsAny(",\"\r\n") ? $"\"{value.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : value;
    }

    /// <summary>A JSON object for each image, on a line of its own.</summary>
    private sealed class JsonLines : PredictionOutput
    {
        public override void Write(FileClassification answer)
        {
            object line = answer.Classification is { } found
                ? new { answer.File, Verdict = NameOf(found.Verdict), Predictions = Guesses(found) }
                : new { answer.File, Error = answer.Error!.Message };
            Console.WriteLine(JsonSerializer.Serialize(line, Line));
        }
    }

    /// <summary>One document with the images that were classified.</summary>
    private sealed class Json : PredictionOutput
    {
        private readonly List<Entry> _known = [];

        public override bool HasFailures => false;

        public override void Write(FileClassification answer)
        {
            if (answer.Classification is { } found)
                _known.Add(new(answer.File, NameOf(found.Verdict), [.. Guesses(found)]));
        }

        public override void End() => Console.WriteLine(JsonSerializer.Serialize(_known, JsonOutput.Settings));

        private sealed record Entry(
            string File, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Verdict, Guess[] Predictions);
    }
}
