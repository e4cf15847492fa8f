namespace Riffle.Data;

/// <summary>Selects the augmentation of an image.</summary>
/// <param name="Seed">The seed of the training.</param>
/// <param name="Epoch">The epoch of the training, from 0.</param>
/// <param name="Mirrored">Whether to use the mirror image.</param>
internal readonly record struct AugmentedAs(ulong Seed, int Epoch, bool Mirrored = false);
