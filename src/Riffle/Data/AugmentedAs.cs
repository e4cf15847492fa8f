namespace Riffle.Data;

/// <summary>Which of its many augmentations an image gets.</summary>
/// <param name="Seed">The seed of the training that has it.</param>
/// <param name="Epoch">The epoch of that training, from 0.</param>
/// <param name="Mirrored">Its mirror image instead, left to right.</param>
public readonly record struct AugmentedAs(ulong Seed, int Epoch, bool Mirrored = false);
