using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Riffle.Formats;
using Riffle.Formats.Protos;

namespace Riffle.Tests.Formats;

public class TFRecordTests
{
    /// <summary>The first record of an events file that TensorFlow 2 wrote, but for its time.</summary>
    [Fact]
    public void A_record_is_length_checksum_data_checksum()
    {
        byte[] data = Convert.FromHexString("09000080EB32A0D7411A0D627261696E2E4576656E743A32");
        Assert.Equal("1800000000000000A37F4B22" + Convert.ToHexString(data) + "AF5DFC92", Convert.ToHexString(Written(data)));
    }

    [Fact]
    public void What_is_written_is_read() =>
        Prop.ForAll(ArbMap.Default.ArbFor<byte[][]>(), all => Assert.Equal(all, ReadAll(new MemoryStream(Written(all))))).QuickCheckThrowOnFailure();

    [Fact]
    public void Records_longer_than_any_buffer_are_read_and_offsets_told()
    {
        byte[][] records = [new byte[100_000], [1, 2, 3], new byte[1_000_000]];
        new Random(1).NextBytes(records[2]);
        using var reader = new TFRecordReader(new Unseekable(Written(records)), "records");
        long offset = 0;
        for (int i = 0; i < records.Length; i++)
        {
            Assert.True(reader.TryRead(out var record));
            Assert.Equal(records[i], record.ToArray());
            Assert.Equal((i, offset), (reader.Index, reader.Offset));
            offset += records[i].Length + 16;
        }

        Assert.False(reader.TryRead(out _));
    }

    /// <summary>Damage of the data costs one record, damage of the length those that it hides.</summary>
    [Theory]
    [InlineData(1, 2)]
    [InlineData(9, 2)]
    [InlineData(13, 2)]
    [InlineData(20, 2)]
    [InlineData(1_000_030, 2)]
    public void After_damage_the_reading_goes_on_with_the_next_record(int at, int whole)
    {
        byte[] file = Written([1, 2, 3], new byte[1_000_000], [4, 5]);
        file[at] ^= 1;
        using var reader = new TFRecordReader(new MemoryStream(file), "records");
        var (read, damaged) = (0, 0);
        for (bool more = true; more;)
        {
            try
            {
                more = reader.TryRead(out _);
                read += more ? 1 : 0;
            }
            catch (BadDataException)
            {
                damaged++;
                reader.Resume();
            }
        }

        Assert.Equal((whole, 1), (read, damaged));
    }

    [Fact]
    public void After_damage_of_the_last_record_there_is_nothing()
    {
        byte[] file = Written([1, 2, 3], [4, 5]);
        using var reader = new TFRecordReader(new MemoryStream(file[..^1]), "records");
        Assert.True(reader.TryRead(out _));
        Assert.Throws<BadDataException>(() => reader.TryRead(out _));
        reader.Resume();
        Assert.False(reader.TryRead(out _));
    }

    [Fact]
    public void Every_flipped_bit_is_noticed_and_the_record_named()
    {
        foreach (var (bit, damaged) in Damage.Flips(Written([1, 2, 3], [], [4, 5])).Index())
        {
            var e = Assert.Throws<BadDataException>(() => ReadAll(new MemoryStream(damaged)));
            var (record, offset) = bit / 8 < 19 ? (0, 0) : bit / 8 < 35 ? (1, 19) : (2, 35);
            Assert.StartsWith($"the stream: record {record} at byte {offset}: ", e.Message);
        }
    }

    [Fact]
    public void Every_truncation_is_noticed_but_one_between_records()
    {
        using var folder = new TemporaryFolder();
        byte[] whole = Written([1, 2, 3], [], [4, 5]);
        for (int length = 0; length < whole.Length; length++)
        {
            string path = folder.Add("train", whole[..length]);
            if (length is 0 or 19 or 35) Assert.NotEqual(3, ReadAll(path).Count);
            else Assert.Contains(path, Assert.Throws<BadDataException>(() => ReadAll(path)).Message);
            if (length is not (0 or 19 or 35)) Assert.Throws<BadDataException>(() => ReadAll(new Unseekable(whole[..length])));
        }
    }

    /// <summary>The checksum of the length is right, the length is not.</summary>
    [Theory]
    [InlineData(1_000_000_000UL)]
    [InlineData(ulong.MaxValue)]
    public void A_length_beyond_the_file_takes_no_memory(ulong length)
    {
        var header = new byte[20];
        BinaryPrimitives.WriteUInt64LittleEndian(header, length);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), TFRecordChecksum.Of(header.AsSpan(0, 8)));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<BadDataException>(() => ReadAll(new MemoryStream(header)));
        Assert.Throws<BadDataException>(() => ReadAll(new Unseekable(header)));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        var e = Assert.Throws<RiffleException>(() => new TFRecordReader("no/such/train-00000-of-00016"));
        Assert.StartsWith("no/such/train-00000-of-00016: ", e.Message);
    }

    [ExternalTheory]
    [InlineData("tfx_csv_example_gen_train-00000-of-00012.gz")]
    [InlineData("tfx_penguin_train.gz")]
    public void What_TensorFlow_wrote_is_read(string file)
    {
        using var reference = JsonDocument.Parse(File.ReadAllBytes(ExternalData.PathOf("tfrecord/reference.json")));
        var expected = reference.RootElement.GetProperty(file);
        var records = ReadAll(TFRecordFile.Open(ExternalData.PathOf("tfrecord/" + file)));
        Assert.Equal(expected.GetProperty("records").GetInt32(), records.Count);
        byte[] sum = SHA1.HashData([.. records.SelectMany(record => record)]);
        Assert.Equal(expected.GetProperty("sha1_of_concatenated_payloads").GetString(), Convert.ToHexStringLower(sum));

        var features = Example.Parser.ParseFrom(records[0]).Features.Feature;
        foreach (var feature in expected.GetProperty("first_example").EnumerateObject())
        {
            var (kind, value) = features[feature.Name] switch
            {
                { BytesList.Value: [var bytes, ..] } => ("bytes", (object)bytes.ToStringUtf8()),
                { FloatList.Value: [var number, ..] } => ("float", number),
                { Int64List.Value: [var number, ..] } => ("int64", number),
                _ => ("empty", ""),
            };
            Assert.Equal((feature.Name, feature.Value[0].GetString()), (feature.Name, kind));
            if (value is float single) Assert.Equal((float)feature.Value[2].GetDouble(), single);
            else if (value is string text) Assert.StartsWith(feature.Value[2].GetString() ?? "", text);
            else Assert.Equal(feature.Value[2].GetInt64(), value);
        }
    }

    [ExternalFact]
    public void A_damaged_compressed_file_is_bad_data_too()
    {
        byte[] file = File.ReadAllBytes(ExternalData.PathOf("tfrecord/tfx_penguin_train.gz"));
        Array.Clear(file, 2000, 50);
        Assert.Throws<BadDataException>(() => ReadAll(new GZipStream(new MemoryStream(file), CompressionMode.Decompress)));
    }

    static byte[] Written(params byte[][] records)
    {
        var stream = new MemoryStream();
        using (var writer = new TFRecordWriter(stream))
            foreach (byte[] record in records)
                writer.Write(record);
        return stream.ToArray();
    }

    static List<byte[]> ReadAll(Stream stream) => ReadAll(new TFRecordReader(stream, "the stream"));

    static List<byte[]> ReadAll(string path) => ReadAll(new TFRecordReader(path));

    static List<byte[]> ReadAll(TFRecordReader reader)
    {
        using var _ = reader;
        var records = new List<byte[]>();
        while (reader.TryRead(out var record)) records.Add(record.ToArray());
        return records;
    }

    sealed class Unseekable(byte[] content) : MemoryStream(content)
    {
        public override bool CanSeek => false;
    }
}
