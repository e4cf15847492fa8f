using System.Buffers.Binary;
using System.Globalization;

namespace Riffle.Images;

/// <summary>
/// Walks through the scans of a JPEG file to see whether they are whole (ITU-T T.81, annexes F and G). Decoders turn a damaged scan into a picture that is
/// grey from there on. libjpeg warns of it, but Skia does not pass its warnings on. The walk reads codes and passes over the numbers, so it takes a small part of
/// the time of decoding. It accepts stray bytes between segments, which many photos of well-known data sets have.
/// </summary>
/// <remarks>Arithmetic coding has no codes that could be wrong, and a scan without Huffman tables (Motion JPEG) uses the standard's; such scans are not walked
/// through. What else is wrong with a header or a table is left to the decoder.</remarks>
internal ref struct JpegScans
{
    /// <summary>More scans than any encoder writes would keep the decoder busy for minutes.</summary>
    private const int MaxScans = 500;

    private readonly ReadOnlySpan<byte> _jpeg;
    private readonly JpegHuffman?[] _tables = new JpegHuffman?[8];
    private Component[] _frame = [];
    private int _columns, _rows, _interval;
    private bool _isProgressive, _isArithmetic;

    private JpegScans(ReadOnlySpan<byte> jpeg) => _jpeg = jpeg;

    /// <summary>What is wrong with the scans of a file, with its place; null if they are whole.</summary>
    public static string? Fault(ReadOnlySpan<byte> jpeg) => new JpegScans(jpeg).Walk();

    private string? Walk()
    {
        int at = 2, scans = 0;
        while (JpegMarkers.Next(_jpeg, ref at, out var marker, out var range))
        {
            var content = _jpeg[range];
            switch (marker)
            {
                case JpegMarkers.EndOfImage:
                    return null;
                case JpegMarkers.HuffmanTables when !JpegHuffman.Read(content, _tables):
                    return At("damaged Huffman tables", range.Start.Value);
                case JpegMarkers.RestartInterval when content.Length == 2:
                    _interval = BinaryPrimitives.ReadUInt16BigEndian(content);
                    break;
                case JpegMarkers.StartOfScan when ++scans > MaxScans:
                    return At($"more than {MaxScans} scans", range.Start.Value);
                case JpegMarkers.StartOfScan when !_isArithmetic && Scan.Read(content, this) is { } scan:
                    if (Walk(scan, ref at) is { } fault)
                        return At(fault, at);
                    break;
                default:
                    if (JpegMarkers.IsFrame(marker))
                        ReadFrame(marker, content);
                    break;
            }
        }

        return At("Premature end of JPEG file", _jpeg.Length);
    }

    private static string At(string fault, int at) => string.Create(CultureInfo.InvariantCulture, $"{fault} at byte {at}");

    private void ReadFrame(byte marker, ReadOnlySpan<byte> frame)
    {
        (_isProgressive, _isArithmetic) = (marker is 0xC2 or 0xCA, marker > 0xC8);
        _frame = [];
        if (frame.Length < 6 || frame.Length != 6 + (3 * frame[5]) || frame[5] > 4)
            return;
        var (height, width) = (BinaryPrimitives.ReadUInt16BigEndian(frame[1..]), BinaryPrimitives.ReadUInt16BigEndian(frame[3..]));
        var components = new Component[frame[5]];
        for (var i = 0; i < components.Length; i++)
        {
            var entry = frame.Slice(6 + (3 * i), 3);
            components[i] = new(entry[0], entry[1] >> 4, entry[1] & 15);
        }

        if (Array.Exists(components, component => component.Across is < 1 or > 4 || component.Down is < 1 or > 4))
            return;
        var (across, down) = (components.Max(component => component.Across), components.Max(component => component.Down));
        (_columns, _rows) = (Parts(width, 8 * across), Parts(height, 8 * down));
        foreach (var component in components)
        {
            component.Columns = Parts(width * component.Across, 8 * across);
            component.Rows = Parts(height * component.Down, 8 * down);
            component.Stride = _columns * component.Across;
            component.Blocks = (long)component.Stride * _rows * component.Down;
        }

        _frame = components;
    }

    /// <summary>Reads the blocks of a scan. At the end, or at the fault, <paramref name="at"/> is the place in the file.</summary>
    private readonly string? Walk(Scan scan, ref int at)
    {
        var single = scan.Components.Length == 1 ? scan.Components[0] : null;
        var (columns, rows) = single is null ? (_columns, _rows) : (single.Columns, single.Rows);
        var bits = new JpegBits(_jpeg, at);
        string? fault = null;
        var (left, restart) = (_interval, 0);
        for (var row = 0; row < rows && fault is null; row++)
        {
            for (var column = 0; column < columns && fault is null; column++)
            {
                if (_interval > 0 && left-- == 0)
                {
                    at = bits.At;
                    if (!JpegMarkers.Next(_jpeg, ref at, out var marker, out _) || marker != 0xD0 + restart)
                        return $"restart {restart} is missing";
                    bits = new(_jpeg, at);
                    (left, restart, scan.Run) = (_interval - 1, (restart + 1) % 8, 0);
                }

                if (single is not null)
                    fault = scan.Block(ref bits, single, column, row);
                else
                    fault = Unit(ref bits, scan, column, row);
            }
        }

        at = bits.At;
        return fault;
    }

    /// <summary>The blocks of all components that lie side by side in an interleaved scan.</summary>
    private static string? Unit(ref JpegBits bits, Scan scan, int column, int row)
    {
        string? fault = null;
        foreach (var component in scan.Components)
        {
            for (var y = 0; y < component.Down; y++)
            {
                for (var x = 0; x < component.Across; x++)
                    fault ??= scan.Block(ref bits, component, (column * component.Across) + x, (row * component.Down) + y);
            }
        }

        return fault;
    }

    private static int Parts(int length, int part) => (length + part - 1) / part;

    private sealed class Component(byte id, int across, int down)
    {
        private ulong[]? _known;

        public byte Id { get; } = id;

        /// <summary>Blocks of an interleaved unit.</summary>
        public int Across { get; } = across;

        public int Down { get; } = down;

        /// <summary>Blocks of a scan of this component alone.</summary>
        public int Columns { get; set; }

        public int Rows { get; set; }

        /// <summary>Blocks with those that fill up the last unit of a row, and in all.</summary>
        public int Stride { get; set; }

        public long Blocks { get; set; }

        public JpegHuffman? Dc { get; set; }

        public JpegHuffman? Ac { get; set; }

        /// <summary>A bit for each coefficient of a block that is not zero so far; a scan that refines them has more bits for those.</summary>
        public ref ulong Known(int column, int row) => ref (_known ??= new ulong[Blocks])[((long)row * Stride) + column];
    }

    /// <summary>One scan: its components, and which part of their coefficients it holds.</summary>
    private sealed class Scan(Component[] components, int first, int last, bool isRefinement, bool isProgressive)
    {
        private const string BadCode = "a bad Huffman code", Short = "premature end of data segment";

        public Component[] Components { get; } = components;

        /// <summary>Blocks that have no more coefficients.</summary>
        public int Run { get; set; }

        /// <returns>Null if it can't be walked through.</returns>
        public static Scan? Read(ReadOnlySpan<byte> header, in JpegScans file)
        {
            if (header.Length < 1 || header[0] is < 1 or > 4 || header.Length != 4 + (2 * header[0]))
                return null;
            var components = new Component[header[0]];
            var (first, last, approximation) = (header[^3], Math.Min(header[^2], (byte)63), header[^1]);
            for (var i = 0; i < components.Length; i++)
            {
                var (id, slots) = (header[1 + (2 * i)], header[2 + (2 * i)]);
                if (Array.Find(file._frame, component => component.Id == id) is not { } component)
                    return null;
                components[i] = component;
                (component.Dc, component.Ac) = (file._tables[(slots >> 4) & 3], file._tables[4 + (slots & 3)]);
            }

            var isRefinement = approximation > 15;
            var needsDc = !file._isProgressive || (first == 0 && !isRefinement);
            var needsAc = !file._isProgressive || first > 0;
            return components.Any(component => (needsDc && component.Dc is null) || (needsAc && component.Ac is null)) ? null
                : new(components, first, last, isRefinement, file._isProgressive);
        }

        /// <summary>Reads a block. What is wrong with it, or null.</summary>
        public string? Block(ref JpegBits bits, Component component, int column, int row)
        {
            var isGood = !isProgressive ? Whole(ref bits, component)
                : first == 0 ? Dc(ref bits, component)
                : isRefinement ? Refine(ref bits, component.Ac!, ref component.Known(column, row))
                : Ac(ref bits, component.Ac!, ref component.Known(column, row));
            return bits.IsShort ? Short : isGood ? null : BadCode;
        }

        private static bool Whole(ref JpegBits bits, Component component)
        {
            var size = bits.Symbol(component.Dc!);
            if (size is < 0 or > 16)
                return false;
            bits.Skip(size);
            var ac = component.Ac!;
            for (var k = 1; k < 64; k++)
            {
                var symbol = bits.Symbol(ac);
                if (symbol < 0)
                    return false;
                if ((symbol & 15) == 0 && symbol != 0xF0)
                    break; // the rest is zero
                bits.Skip(symbol & 15);
                k += symbol >> 4;
            }

            return true;
        }

        private bool Dc(ref JpegBits bits, Component component)
        {
            if (isRefinement)
            {
                bits.Take(1);
                return true;
            }

            var size = bits.Symbol(component.Dc!);
            if (size is < 0 or > 16)
                return false;
            bits.Skip(size);
            return true;
        }

        private bool Ac(ref JpegBits bits, JpegHuffman table, ref ulong known)
        {
            if (Run > 0)
            {
                Run--;
                return true;
            }

            for (int k = first; k <= last; k++)
            {
                var symbol = bits.Symbol(table);
                if (symbol < 0)
                    return false;
                var (zeros, size) = (symbol >> 4, symbol & 15);
                if (size == 0 && zeros < 15)
                {
                    Run = (1 << zeros) + bits.Take(zeros) - 1;
                    break;
                }

                k += zeros;
                bits.Skip(size);
                if (size > 0 && k < 64)
                    known |= 1UL << k;
            }

            return true;
        }

        /// <summary>Reads the next bit of coefficients that are not zero, and the places of new ones between them.</summary>
        private bool Refine(ref JpegBits bits, JpegHuffman table, ref ulong known)
        {
            int k = first;
            for (; Run == 0 && k <= last; k++)
            {
                var symbol = bits.Symbol(table);
                if (symbol < 0)
                    return false;
                var (zeros, size) = (symbol >> 4, symbol & 15);
                if (size == 0 && zeros < 15)
                {
                    Run = (1 << zeros) + bits.Take(zeros);
                    break;
                }

                bits.Skip(Math.Min(size, 1)); // the sign
                for (; k <= last; k++)
                {
                    if ((known >> k & 1) != 0)
                        bits.Take(1);
                    else if (zeros-- == 0)
                        break;
                }

                if (size > 0 && k <= last)
                    known |= 1UL << k;
            }

            if (Run > 0)
            {
                for (var rest = k > last ? 0 : known >> k << k & (ulong.MaxValue >> (63 - last)); rest != 0; rest &= rest - 1)
                    bits.Take(1);
                Run--;
            }

            return true;
        }
    }
}
