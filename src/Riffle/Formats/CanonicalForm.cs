using System.Globalization;
using System.Text;

namespace Riffle.Formats;

/// <summary>
/// Unicode's canonical composition (normalisation form C, Unicode Standard Annex 15): an é of one character and an e with an accent behind it become the same
/// string.
/// </summary>
/// <remarks>
/// <see cref="string.Normalize()"/> does nothing in a program with invariant globalization, as the command line is, and elsewhere depends on the system's
/// version of Unicode. The table (Fixtures/make_canonical_forms.py writes it) is the same everywhere.
/// </remarks>
internal static class CanonicalForm
{
    private const int FirstMark = 0x300;
    private const int S = 0xAC00, L = 0x1100, V = 0x1161, T = 0x11A7, LCount = 19, VCount = 21, TCount = 28, SCount = LCount * VCount * TCount;

    private static readonly Lazy<Tables> Table = new(Tables.Load);

    /// <summary>The composed form of a text. Unpaired surrogates are kept.</summary>
    public static string Compose(string text)
    {
        // All below this composes with nothing before it, and is in its composed form already.
        if (!text.AsSpan().ContainsAnyExceptInRange('\0', (char)(FirstMark - 1)))
            return text;
        var table = Table.Value;
        var codes = new List<int>(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            var pair = char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]);
            Decompose(table, pair ? char.ConvertToUtf32(text[i], text[++i]) : text[i], codes);
        }

        Order(table, codes);
        Compose(table, codes);
        var composed = new StringBuilder(codes.Count);
        foreach (var code in codes)
        {
            if (code > char.MaxValue)
                composed.Append(char.ConvertFromUtf32(code));
            else
                composed.Append((char)code);
        }

        return composed.ToString();
    }

    private static void Decompose(Tables table, int code, List<int> into)
    {
        if (code is >= S and < S + SCount)
        {
            var syllable = code - S;
            into.Add(L + (syllable / (VCount * TCount)));
            into.Add(V + (syllable / TCount % VCount));
            if (syllable % TCount > 0)
                into.Add(T + (syllable % TCount));
        }
        else if (table.Parts.TryGetValue(code, out var parts))
        {
            Decompose(table, parts.First, into);
            if (parts.Second != 0)
                Decompose(table, parts.Second, into);
        }
        else
        {
            into.Add(code);
        }
    }

    /// <summary>The marks after a base character, sorted by their class; those of the same class keep their order.</summary>
    private static void Order(Tables table, List<int> codes)
    {
        for (var start = 0; start < codes.Count; start++)
        {
            if (table.Class(codes[start]) == 0)
                continue;
            var end = start;
            while (end < codes.Count && table.Class(codes[end]) != 0)
                end++;
            var marks = codes.GetRange(start, end - start).OrderBy(table.Class).ToArray();
            for (var i = 0; i < marks.Length; i++)
                codes[start + i] = marks[i];
            start = end;
        }
    }

    /// <summary>A mark joins the last base character unless one of the same or a higher class stands between them.</summary>
    private static void Compose(Tables table, List<int> codes)
    {
        var (count, starter, last) = (0, -1, -1);
        for (var i = 0; i < codes.Count; i++)
        {
            var code = codes[i];
            var order = table.Class(code);
            if (starter >= 0 && last < order && table.Pair(codes[starter], code) is { } pair)
            {
                codes[starter] = pair;
                continue;
            }

            (starter, last) = order == 0 ? (count, -1) : (starter, order);
            codes[count++] = code;
        }

        codes.RemoveRange(count, codes.Count - count);
    }

    private sealed class Tables
    {
        private readonly Dictionary<int, int> _classes = [];
        private readonly Dictionary<(int First, int Second), int> _pairs = [];

        public Dictionary<int, (int First, int Second)> Parts { get; } = [];

        public static Tables Load()
        {
            var tables = new Tables();
            using var stream = typeof(CanonicalForm).Assembly.GetManifestResourceStream($"{typeof(CanonicalForm).FullName}.txt")!;
            using var reader = new StreamReader(stream);
            while (reader.ReadLine() is { } line)
                tables.Add(line);
            return tables;
        }

        public int Class(int code) => code < FirstMark ? 0 : _classes.GetValueOrDefault(code);

        public int? Pair(int first, int second)
        {
            if (first is >= L and < L + LCount && second is >= V and < V + VCount)
                return S + ((((first - L) * VCount) + (second - V)) * TCount);
            if (first is >= S and < S + SCount && (first - S) % TCount == 0 && second is > T and < T + TCount)
                return first + (second - T);
            return _pairs.TryGetValue((first, second), out var pair) ? pair : null;
        }

        private void Add(string line)
        {
            var at = line.AsSpan().IndexOfAny('=', '>', ':');
            var parts = line[(at + 1)..].Split('+');
            if (line[at] == ':')
            {
                var range = line[..at].Split('-');
                for (var code = Hex(range[0]); code <= Hex(range[1]); code++)
                    _classes.Add(code, int.Parse(parts[0], CultureInfo.InvariantCulture));
                return;
            }

            var whole = Hex(line[..at]);
            var pair = (Hex(parts[0]), parts.Length > 1 ? Hex(parts[1]) : 0);
            Parts.Add(whole, pair);
            if (line[at] == '=')
                _pairs.Add(pair, whole);
        }

        private static int Hex(string digits) => int.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }
}
