using Riffle.Formats;

namespace Riffle.Tests.Formats;

public sealed class TFRecordIndexTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string FilePath => Path.Combine(_folder.Path, "train-00000-of-00001");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Records_are_read_in_any_order_by_many_threads(bool inOrder)
    {
        byte[][] records = [.. Enumerable.Range(0, 300).Select(i => Enumerable.Repeat((byte)i, i * 37 % 5000).ToArray())];
        Write(records);
        using var index = new TFRecordIndex(FilePath, inOrder);
        Assert.Equal(300, index.Count);
        Parallel.For(0, 8, thread =>
        {
            var buffer = new byte[16];
            foreach (var i in Enumerable.Range(0, 300).OrderBy(i => i * (7919L + thread) % 300))
            {
                var content = index.Read(i, ref buffer);
                Assert.Equal(records[i], buffer[content]);
            }
        });
    }

    [Fact]
    public void Offsets_are_those_of_the_reader_and_a_file_without_records_has_none()
    {
        Write([1, 2, 3], [], new byte[1000]);
        using (var index = new TFRecordIndex(FilePath, inOrder: true))
        using (var reader = new TFRecordReader(FilePath))
        {
            for (var i = 0; reader.TryRead(out _); i++)
                Assert.Equal(reader.Offset, index.Offset(i));
            Assert.Equal(3, index.Count);
        }

        Write();
        using var none = new TFRecordIndex(FilePath, inOrder: true);
        Assert.Equal(0, none.Count);
    }

    [Fact]
    public void Every_truncation_but_between_records_and_every_flipped_bit_is_noticed_by_name_and_offset()
    {
        byte[] whole = Write([1, 2, 3], [4, 5]);
        foreach (byte[] damaged in Damage.Flips(whole).Concat(Damage.Truncations(whole).Where(cut => cut.Length is not 0 and not 19)))
        {
            File.WriteAllBytes(FilePath, damaged);
            Assert.Matches($"{FilePath}: record [01] at byte (0|19): ", Assert.Throws<BadDataException>(ReadAll).Message);
        }
    }

    [Fact]
    public void What_changes_after_it_was_opened_is_noticed()
    {
        byte[] whole = Write([1, 2, 3], [4, 5]);
        using var index = new TFRecordIndex(FilePath, inOrder: false);
        var buffer = new byte[16];
        foreach (byte[] other in new[] { Write([1, 2], [3, 4, 5]), whole[..^1], [] })
        {
            using (var stream = new FileStream(FilePath, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            {
                stream.SetLength(0);
                stream.Write(other);
            }

            Assert.Throws<BadDataException>(() => index.Read(1, ref buffer));
        }
    }

    [Fact]
    public void A_file_that_is_not_there_is_named() =>
        Assert.Contains(FilePath, Assert.Throws<RiffleException>(() => new TFRecordIndex(FilePath, inOrder: true)).Message);

    private void ReadAll()
    {
        using var index = new TFRecordIndex(FilePath, inOrder: true);
        var buffer = new byte[16];
        for (var i = 0; i < index.Count; i++)
            index.Read(i, ref buffer);
    }

    private byte[] Write(params byte[][] records)
    {
        using (var writer = new TFRecordWriter(new FileStream(FilePath, FileMode.Create, FileAccess.Write, FileShare.ReadWrite)))
        {
            foreach (var record in records)
                writer.Write(record);
        }

        return File.ReadAllBytes(FilePath);
    }
}
