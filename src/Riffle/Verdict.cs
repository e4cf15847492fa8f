namespace Riffle;

/// <summary>What a network's <see cref="Doubt"/> says about an image.</summary>
public enum Verdict
{
    /// <summary>The best class is more likely right than wrong.</summary>
    Sure,

    /// <summary>No class is more likely than all others together.</summary>
    NotSure,

    /// <summary>The image is unlike the images that the network knows, so it probably shows something else. Its predictions mean little.</summary>
    NoneOfTheClasses,
}
