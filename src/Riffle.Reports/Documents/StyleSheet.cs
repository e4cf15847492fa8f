namespace Riffle.Reports.Documents;

/// <summary>How reports look: in light and dark, from the width of a phone on. It has no character that XML would escape.</summary>
internal static class StyleSheet
{
    /// <summary>Of a page.</summary>
    public static string Page => "\n" + Colours + Layout + Marks;

    /// <summary>Of a chart that is a file of its own.</summary>
    public static string Chart => "\n" + Colours + Marks;

    /// <summary>Those of the page of riffle serve too.</summary>
    private static readonly string Colours = Read("colours.css");

    private const string Layout = """
        * { box-sizing: border-box; }
        body { margin: 0 auto; max-width: 76rem; padding: 1rem; background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
        h1 { margin: .5rem 0; font-size: 1.7rem; line-height: 1.2; }
        h2 { margin: 2.5rem 0 .5rem; padding-top: 1rem; border-top: 1px solid var(--rule); font-size: 1.25rem; line-height: 1.3; }
        p { max-width: 44rem; margin: .75rem 0; }
        a { color: var(--link); }
        nav ul, .legend { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: .5rem 0; padding: 0; list-style: none; }
        nav a { display: inline-block; padding: .25rem 0; }
        .scroll { max-width: 100%; overflow-x: auto; margin: .75rem 0; }
        pre.scroll { padding: .6rem .75rem; user-select: all; border-radius: .4rem; background: var(--tint); }
        pre, code { font: .85rem ui-monospace, monospace; }
        table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
        th, td { padding: .35rem .7rem; border-bottom: 1px solid var(--rule); text-align: left; }
        thead th { min-width: 4.75rem; color: var(--soft); font-weight: 600; line-height: 1.25; vertical-align: bottom; white-space: normal; }
        th:first-child { position: sticky; left: 0; padding-left: 0; background: var(--page); }
        tbody th { font-weight: 500; }
        .number { text-align: right; }
        summary { padding: .35rem 0; color: var(--link); cursor: pointer; }
        .charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: 1.5rem; }
        .wide { grid-template-columns: repeat(auto-fill, minmax(min(100%, 28rem), 1fr)); }
        figure { min-width: 0; margin: .5rem 0; }
        figcaption { font-weight: 600; }
        figure svg { display: block; width: 100%; height: auto; }
        .warning { padding: .6rem .75rem; border-left: .3rem solid var(--c6); border-radius: .2rem; background: var(--tint); font-weight: 600; }
        .key { display: flex; flex-wrap: wrap; gap: .75rem 2rem; margin: 1rem 0; }
        .key dd { margin: 0; font-size: 1.6rem; font-weight: 600; line-height: 1.2; font-variant-numeric: tabular-nums; }
        .key dt { color: var(--soft); font-size: .85rem; }
        .gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 13.5rem), 1fr)); gap: 1.25rem 1rem; margin: 1rem 0; }
        .gallery figure { margin: 0; }
        .gallery img { width: calc(50% - .5rem); max-width: 6.5rem; aspect-ratio: 1; margin-right: .25rem; border-radius: .2rem; object-fit: contain; background: var(--tint); }
        @media (max-width: 30rem) { .gallery { grid-template-columns: 1fr 1fr; } th:first-child { max-width: 45vw; white-space: normal; } }
        .gallery figcaption { font-size: .875rem; line-height: 1.3; overflow-wrap: anywhere; }
        .gallery span { display: block; color: var(--soft); font-size: .8rem; font-weight: 400; }
        .legend { font-size: .8rem; color: var(--soft); }
        .legend li { display: flex; align-items: center; gap: .35rem; }
        .legend svg { flex: none; width: 24px; height: 12px; }

        """;

    private const string Marks = """
        .page { fill: var(--page); }
        .title { fill: var(--text); font: 600 14px system-ui, sans-serif; }
        .grid { stroke: var(--rule); stroke-width: 1; }
        .tick { fill: var(--soft); font: 11px system-ui, sans-serif; }
        .end { text-anchor: end; }
        .middle { text-anchor: middle; }
        g[class] { fill: var(--colour); stroke: var(--colour); stroke-width: 1.8; stroke-linejoin: round; }
        g polyline { fill: none; }
        .published { fill: var(--page); stroke-dasharray: 4 3; stroke-width: 1.3; }
        .published path { fill: var(--page); stroke-dasharray: none; }
        .box { fill: var(--colour); fill-opacity: .12; stroke: var(--colour); stroke-width: 1.3; }
        .plain { --colour: var(--soft); }
        .name { fill: var(--text); font: 600 13px system-ui, sans-serif; }
        .detail { fill: var(--text); font: 12px system-ui, sans-serif; }
        .arrow { fill: none; stroke: var(--soft); stroke-width: 1.6; }
        .head { fill: var(--soft); }
        .channel { fill: var(--colour); }
        .link { stroke: var(--colour); stroke-width: 1.5; stroke-opacity: .75; }
        .cell { font: 12px system-ui, sans-serif; text-anchor: middle; fill: var(--text); }
        .strong { fill: var(--page); }
        .frame { fill: var(--tint); stroke: var(--rule); stroke-width: 1; }
        .unit { fill: var(--soft); font: 600 12px system-ui, sans-serif; }
        .c0 { --colour: var(--c0); } .c1 { --colour: var(--c1); } .c2 { --colour: var(--c2); } .c3 { --colour: var(--c3); }
        .c4 { --colour: var(--c4); } .c5 { --colour: var(--c5); } .c6 { --colour: var(--c6); }

        """;

    private static string Read(string file)
    {
        using var text = new StreamReader(typeof(StyleSheet).Assembly.GetManifestResourceStream(file) ?? throw new InvalidOperationException($"{file} is not part of the assembly"));
        return text.ReadToEnd();
    }
}
