namespace Riffle.Recipes;

/// <summary>The update rule.</summary>
public enum OptimiserKind
{
    /// <summary>Nesterov momentum (1983), in PyTorch's form: v = µ·v + g; w −= rate·(g + µ·v).</summary>
    Nesterov,

    /// <summary>Plain momentum: v = µ·v + g; w −= rate·v.</summary>
    Momentum,

    /// <summary>Adam (Kingma and Ba, 2015) with β = 0.9 and 0.999, ε = 1e-8; the L2 term is part of the gradient.</summary>
    Adam,
}

/// <summary>What each rule remembers from step to step.</summary>
internal static class OptimiserKindExtensions
{
    /// <summary>A name for each array, as checkpoints have it.</summary>
    public static string[] StateNames(this OptimiserKind kind) => kind == OptimiserKind.Adam ? ["mean", "variance"] : ["momentum"];
}
