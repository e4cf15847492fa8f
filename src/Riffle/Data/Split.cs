namespace Riffle.Data;

/// <summary>The two parts of a data set.</summary>
public enum Split
{
    /// <summary>The images that weights are trained on.</summary>
    Train,

    /// <summary>The images that only measure.</summary>
    Validation,
}
