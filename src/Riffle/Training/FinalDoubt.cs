using Riffle.Evaluation;
using Riffle.Models;
using Riffle.Networks;

namespace Riffle.Training;

/// <summary>Fits the <see cref="Doubt"/> of the two models that a finished run leaves. Their weights don't change.</summary>
internal static class FinalDoubt
{
    /// <summary>Fits those that have none yet: a run may have been killed or cancelled in between.</summary>
    /// <param name="folder">The run.</param>
    /// <param name="evaluator">Of the run's validation images.</param>
    /// <param name="weights">The weights that it evaluates; in the end, those of the last epoch.</param>
    /// <param name="cancel">Leaves the rest for the next time.</param>
    public static void Fit(RunFolder folder, Evaluator evaluator, Weights weights, CancellationToken cancel)
    {
        foreach (var path in new[] { folder.Best, folder.Last }.Where(File.Exists))
        {
            var checkpoint = Checkpoint.Read(path);
            foreach (var parameter in weights.Network.Parameters)
                checkpoint.Weights[parameter.Name].CopyTo(weights[parameter.Name]);
            if (checkpoint.Doubt is not null || cancel.IsCancellationRequested)
                continue;
            var doubt = evaluator.FitDoubt();
            folder.RequireInPlace();
            checkpoint.With(doubt).Save(path);
        }
    }
}
