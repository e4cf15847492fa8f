using System.Text.Json.Serialization;
using Riffle.Execution;

namespace Riffle.Evaluation;

/// <summary>Loss and accuracies over a number of images.</summary>
/// <param name="Loss">Mean softmax cross-entropy; over training batches with label smoothing, over validation without.</param>
/// <param name="Top1">Share of images whose label has the highest logit, in percent.</param>
/// <param name="Top5">Share of images whose label is among the five highest logits, in percent.</param>
public sealed record Metrics(double Loss, double Top1, double Top5)
{
    /// <summary>The mean recall of the classes in percent, if the training counts them alike (<c>Recipe.Balanced</c>); otherwise null.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Balanced { get; init; }

    /// <summary>Whether top-5 says anything: with five classes or fewer it is always 100 %.</summary>
    internal static bool HasTop5(int classes) => classes > 5;
}

/// <summary>Sums from which <see cref="Metrics"/> come. Added in the same order, they give the same bits.</summary>
/// <param name="LossSum">Sum of the images' losses.</param>
/// <param name="Top1">Images counted in top-1.</param>
/// <param name="Top5">Images counted in top-5.</param>
/// <param name="Images">Images seen.</param>
public readonly record struct Tally(double LossSum, long Top1, long Top5, long Images)
{
    /// <summary>Adds the batch of a training step.</summary>
    internal Tally Plus(StepResult step, int images) => new(LossSum + step.Loss * images, Top1 + step.Top1, Top5 + step.Top5, Images + images);

    /// <summary>Adds one image.</summary>
    /// <param name="logits">Its logits.</param>
    /// <param name="label">Its class.</param>
    internal Tally Plus(ReadOnlySpan<float> logits, int label) => Plus(CrossEntropy(logits, label), Rank(logits, label));

    /// <summary>The same for an image whose loss and rank are known.</summary>
    internal Tally Plus(double loss, int rank) => new(LossSum + loss, Top1 + (rank < 1 ? 1 : 0), Top5 + (rank < 5 ? 1 : 0), Images + 1);

    /// <summary>The means; zero if there are no images.</summary>
    public Metrics Mean() => Images == 0 ? new(0, 0, 0) : new(LossSum / Images, 100.0 * Top1 / Images, 100.0 * Top5 / Images);

    /// <summary>The rank of the label when classes are sorted by falling logit. Among equal logits the lower class index comes first, as in argmax.</summary>
    /// <remarks>So a network with the same logit for every class is right only for class 0. A label whose logit is NaN comes last.</remarks>
    internal static int Rank(ReadOnlySpan<float> logits, int label)
    {
        var own = logits[label];
        if (float.IsNaN(own))
            return logits.Length - 1;

        var rank = 0;
        for (var i = 0; i < logits.Length; i++)
        {
            if (logits[i] > own || (i < label && logits[i] == own))
                rank++;
        }

        return rank;
    }

    /// <summary>−log softmax(logits)[label], in double precision.</summary>
    internal static double CrossEntropy(ReadOnlySpan<float> logits, int label)
    {
        double highest = logits[0], sum = 0;
        foreach (var logit in logits)
            highest = Math.Max(highest, logit);
        foreach (var logit in logits)
            sum += Math.Exp(logit - highest);
        return Math.Log(sum) + highest - logits[label];
    }
}
