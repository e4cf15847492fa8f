using System.Numerics;

namespace Riffle;

/// <summary>The values that a number may have, both ends among them. What is not a number is never one of them.</summary>
/// <param name="Least">The smallest value.</param>
/// <param name="Most">The largest value.</param>
public readonly record struct Limits<T>(T Least, T Most)
    where T : struct, INumber<T>, IMinMaxValue<T>
{
    /// <summary>Whether a value is possible.</summary>
    public bool Contain(T value) => value >= Least && value <= Most;

    /// <summary>Refuses a value that is not possible.</summary>
    /// <param name="value">The value.</param>
    /// <param name="what">What it is, as "batch".</param>
    /// <exception cref="ArgumentException">Says what it is and what is possible.</exception>
    public void Require(T value, string what)
    {
        if (!Contain(value))
            throw new ArgumentException(FormattableString.Invariant($"The {what} can't be {value}: it is {this}."));
    }

    /// <summary>As it is said in messages: "from 0 to 1", or "at least 1" where there is no largest value but the type's.</summary>
    public override string ToString() =>
        Most == T.MaxValue ? FormattableString.Invariant($"at least {Least}") : FormattableString.Invariant($"from {Least} to {Most}");
}
