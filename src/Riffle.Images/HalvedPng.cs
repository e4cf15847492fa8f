using System.IO.Compression;
using System.IO.Hashing;

namespace Riffle.Images;

/// <summary>
/// A PNG file at half its width and height, each pixel the mean of up to four, for pictures too large to be decoded whole: Skia decodes PNG
/// only at its full size. In memory are two rows, and one of sums; of an
/// interlaced file, whose rows come in seven passes, the sums of all. (W3C, Portable Network Graphics, third edition.)
/// </summary>
static unsafe class HalvedPng
{
    /// <summary>The limit of libpng, which Skia uses.</summary>
    const int MaxSide = 1_000_000;

    /// <summary>Where Adam7's passes begin, and the steps from pixel to pixel.</summary>
    static readonly (int X, int Y, int StepX, int StepY)[] Interlaced =
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];

    internal static RgbImage Decode(ReadOnlySpan<byte> png, PngChunks chunks, string name)
    {
        var row = PngRow.Of(png, chunks, name);
        var (width, height) = chunks.Size(png, name);
        if (width > MaxSide || height > MaxSide) throw PngDecoder.Bad(name, $"a side is longer than {MaxSide:N0} pixels");
        var passes = row.IsInterlaced ? Interlaced : [(0, 0, 1, 1)];
        var halved = new Halving((int)width, (int)height, row.IsInterlaced);
        fixed (byte* file = png)
        {
            using var packed = new PngData(file, [.. DataChunks(png, chunks, name)]);
            using var unpacked = new ZLibStream(packed, CompressionMode.Decompress);
            try
            {
                foreach (var (left, top, stepX, stepY) in passes)
                {
                    row.Begin(((int)width - left + stepX - 1) / stepX);
                    for (int y = top; y < height && row.Pixels > 0; y += stepY)
                    {
                        row.Read(unpacked, name);
                        for (int i = 0, x = left; i < row.Pixels; i++, x += stepX) halved.Add(x, y, row.Colour(i));
                        halved.RowDone(y);
                    }
                }

                // Asked for more, it compares the checksum of the whole.
                _ = unpacked.ReadByte();
            }
            catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
            {
                throw PngDecoder.Bad(name, e is EndOfStreamException ? "not enough image data" : e.Message);
            }
        }

        return halved.ToImage();
    }

    static List<Range> DataChunks(ReadOnlySpan<byte> png, PngChunks chunks, string name)
    {
        var found = new List<Range>();
        foreach (var range in chunks.Critical)
        {
            var chunk = png[range];
            if (Crc32.HashToUInt32(chunk[4..^4]) != System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(chunk[^4..]))
                throw PngDecoder.Bad(name, $"the checksum of the chunk at byte {range.Start.Value} is wrong");
            if (chunk.Slice(4, 4).SequenceEqual("IDAT"u8)) found.Add((range.Start.Value + 8)..(range.End.Value - 4));
        }

        return found;
    }

    /// <summary>Adds up pixels, which become one where they share a half of both coordinates.</summary>
    sealed class Halving(int width, int height, bool keepsAllRows)
    {
        readonly int _columns = (width + 1) / 2, _rows = (height + 1) / 2;
        readonly byte[] _pixels = new byte[(width + 1) / 2 * ((height + 1) / 2) * 3];
        readonly ushort[] _sums = new ushort[(keepsAllRows ? (height + 1) / 2 : 1) * ((width + 1) / 2) * 3];

        internal void Add(int x, int y, (byte Red, byte Green, byte Blue) colour)
        {
            var sums = _sums.AsSpan(((keepsAllRows ? y / 2 * _columns : 0) + x / 2) * 3, 3);
            (sums[0], sums[1], sums[2]) = ((ushort)(sums[0] + colour.Red), (ushort)(sums[1] + colour.Green), (ushort)(sums[2] + colour.Blue));
        }

        internal void RowDone(int y)
        {
            if (keepsAllRows || (y % 2 == 0 && y < height - 1)) return;
            Divide(_sums, y / 2);
            Array.Clear(_sums);
        }

        internal RgbImage ToImage()
        {
            for (int row = 0; keepsAllRows && row < _rows; row++) Divide(_sums.AsSpan(row * _columns * 3), row);
            return new RgbImage(_columns, _rows, _pixels) { FullWidth = width, FullHeight = height };
        }

        void Divide(ReadOnlySpan<ushort> sums, int row)
        {
            var to = _pixels.AsSpan(row * _columns * 3, _columns * 3);
            int high = Math.Min(2, height - 2 * row);
            for (int i = 0; i < to.Length; i++)
            {
                int count = high * Math.Min(2, width - i / 3 * 2);
                to[i] = (byte)((sums[i] + count / 2) / count);
            }
        }
    }

    /// <summary>The content of a file's data chunks as one stream.</summary>
    sealed class PngData(byte* file, Range[] chunks) : Stream
    {
        int _chunk, _at;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(Span<byte> buffer)
        {
            for (; _chunk < chunks.Length; _chunk++, _at = 0)
            {
                int start = chunks[_chunk].Start.Value + _at, count = Math.Min(buffer.Length, chunks[_chunk].End.Value - start);
                if (count == 0) continue;
                new ReadOnlySpan<byte>(file + start, count).CopyTo(buffer);
                _at += count;
                return count;
            }

            return 0;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
