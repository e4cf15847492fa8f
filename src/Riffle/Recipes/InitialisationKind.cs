namespace Riffle.Recipes;

/// <summary>The distribution of the initial kernels. Biases start at zero, batch norm as the identity.</summary>
public enum InitialisationKind
{
    /// <summary>Uniform within ±√(6 / (fan in + fan out)) (Glorot and Bengio, 2010).</summary>
    Xavier,

    /// <summary>Normal with deviation √(2 / fan in) (He et al., 2015).</summary>
    He,
}
