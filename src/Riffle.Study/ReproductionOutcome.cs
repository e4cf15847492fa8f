using System.Collections.Immutable;

namespace Riffle.Study;

/// <summary>How a reproduction ended.</summary>
/// <param name="Completed">Whether everything was done or tried; false when it was asked to stop.</param>
/// <param name="Failures">Names of the stages that failed.</param>
/// <param name="Rows">The networks that were asked for, as they are now.</param>
/// <param name="Html">The report as a page.</param>
/// <param name="Markdown">The same as Markdown.</param>
internal sealed record ReproductionOutcome(bool Completed, ImmutableArray<string> Failures, ImmutableArray<Row> Rows, string Html, string Markdown);
