namespace Riffle;

/// <summary>The stages of long work.</summary>
public enum WorkStage
{
    /// <summary>File names are read; the total is unknown.</summary>
    Listing,

    /// <summary>Images are read and checked.</summary>
    Checking,

    /// <summary>Records are written in their order, if the source can't be read in that order.</summary>
    Writing,

    /// <summary>Images are decoded into memory.</summary>
    Decoding,

    /// <summary>The accuracy on the validation images is computed.</summary>
    Evaluating,

    /// <summary>The features of images are computed, to which a classifier is fitted.</summary>
    Features,

    /// <summary>Classifiers are fitted to the features, one for each part of the images and each strength of L2 that is tried; there may be fewer than planned.</summary>
    Fitting,

    /// <summary>Soft labels are computed for the training images, once per view.</summary>
    Teaching,
}

/// <summary>The progress of long work. Reports come on the threads that do the work, so a handler should return quickly.</summary>
/// <param name="Stage">The current stage.</param>
/// <param name="Done">How many files, images or records are done.</param>
/// <param name="Total">The total count; 0 if unknown.</param>
/// <param name="Top1">The accuracy on the validation images so far, in percent; null in stages without one.</param>
public readonly record struct WorkProgress(WorkStage Stage, long Done, long Total, double? Top1 = null);

/// <summary>Reports a part of some work as what is done of the whole.</summary>
/// <param name="whole">Receives it.</param>
/// <param name="before">What was done before this part.</param>
/// <param name="total">The total count of the whole.</param>
internal sealed class PartOfWork(IProgress<WorkProgress> whole, long before, long total) : IProgress<WorkProgress>
{
    public void Report(WorkProgress value) => whole.Report(value with { Done = before + value.Done, Total = total });
}
