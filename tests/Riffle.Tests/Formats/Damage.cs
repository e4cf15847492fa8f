namespace Riffle.Tests.Formats;

/// <summary>What can happen to the bytes of a file.</summary>
static class Damage
{
    /// <summary>Every way to cut bytes off the end, and every way to flip one bit.</summary>
    internal static IEnumerable<byte[]> Of(byte[] whole) => Truncations(whole).Concat(Flips(whole));

    internal static IEnumerable<byte[]> Truncations(byte[] whole) => Enumerable.Range(0, whole.Length).Select(length => whole[..length]);

    internal static IEnumerable<byte[]> Flips(byte[] whole) => Enumerable.Range(0, whole.Length * 8).Select(bit =>
    {
        byte[] damaged = [.. whole];
        damaged[bit / 8] ^= (byte)(1 << bit % 8);
        return damaged;
    });
}
