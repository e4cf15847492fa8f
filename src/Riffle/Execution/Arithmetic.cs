namespace Riffle.Execution;

/// <summary>The arithmetic of training: which numbers are multiplied and added, and in which order.</summary>
public static class Arithmetic
{
    /// <summary>
    /// Two Riffles with the same version compute the same weights from the same seed, bit for bit, on processors with the same vector width; checkpoints carry it.
    /// It changes with any kernel of training whose results change in a bit, with the order of sums over a batch, and with the optimisers, the first weights and
    /// the augmentation of images; and with the kernels of inference on blocks of images, because networks learn from the soft labels of others.
    /// </summary>
    public const int Version = 1;

    /// <summary>The width of the vectors that are used, in bits.</summary>
    public static int VectorBits => Simd.VectorLevels.Best.Bits;

    /// <summary>The width of a reproduction's vectors: every processor of the last ten years has them, so all can compute the same bits.</summary>
    internal const int PortableBits = 256;

    /// <inheritdoc cref="Simd.VectorLevels.Prefer"/>
    internal static IDisposable Prefer(int bits) => Simd.VectorLevels.Prefer(bits);
}
