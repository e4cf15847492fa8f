using System.Numerics;

namespace Riffle;

/// <summary>The range of allowed values of a number, including both ends. NaN is never in it.</summary>
/// <param name="Least">The smallest value.</param>
/// <param name="Most">The largest value.</param>
public readonly record struct Limits<T>(T Least, T Most)
    where T : struct, INumber<T>, IMinMaxValue<T>
{
    /// <summary>Whether a value is allowed.</summary>
    public bool Contain(T value) => value >= Least && value <= Most;

    /// <summary>Throws if a value is not allowed.</summary>
    /// <param name="value">The value.</param>
    /// <param name="what">The name of the value, for example "batch".</param>
    /// <exception cref="ArgumentException">The value is not allowed. The message has the name, the value and the range.</exception>
    public void Require(T value, string what)
    {
        if (!Contain(value))
            throw new ArgumentException(FormattableString.Invariant($"The {what} must be {this}, not {value}."));
    }

    /// <summary>The range as text: "from 0 to 1", or "at least 1" if the largest value is that of the type.</summary>
    public override string ToString() =>
        Most == T.MaxValue ? FormattableString.Invariant($"at least {Least}") : FormattableString.Invariant($"from {Least} to {Most}");
}
