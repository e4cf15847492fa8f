using System.IO.Hashing;
using System.Numerics;

namespace Riffle.Formats;

/// <summary>The checksum of TFRecord: CRC-32C, rotated, and a constant added, so that the checksum of data with checksums in it stays useful.</summary>
internal static class TFRecordChecksum
{
    /// <summary>The checksum of <paramref name="data"/>.</summary>
    public static uint Of(ReadOnlySpan<byte> data) =>
        unchecked(BitOperations.RotateRight(Crc32.HashToUInt32(Crc32ParameterSet.Crc32C, data), 15) + 0xA282EAD8u);
}
