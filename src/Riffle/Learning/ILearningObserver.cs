namespace Riffle.Learning;

/// <summary>Sees what <see cref="Learner"/> does itself, between its steps.</summary>
internal interface ILearningObserver
{
    /// <summary>Starts are compared.</summary>
    /// <param name="compare">Does it, and reports its progress.</param>
    LearningPlan Compare(Func<IProgress<WorkProgress>, LearningPlan> compare);

    /// <summary>Cross-validation begins.</summary>
    /// <param name="validation">The number of validation images.</param>
    void CrossValidating(int validation);

    /// <summary>Cross-validation has ended.</summary>
    void CrossValidated(CrossValidation found);

    /// <summary>What a run knew before it learnt more was measured again.</summary>
    /// <param name="images">Its validation images.</param>
    /// <param name="before">Its top-1 on them in percent.</param>
    /// <param name="now">The same of the new run.</param>
    void Compared(int images, double before, double now);
}
