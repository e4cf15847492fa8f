using System.Diagnostics;
using FsCheck;
using FsCheck.Fluent;
using Riffle.Data;

namespace Riffle.Tests.Data;

public class BatchLoaderTests
{
    private const int Size = 14;

    [Theory]
    [InlineData(null)]
    [InlineData(0L)]
    public void Each_image_comes_once_an_epoch_with_its_label(long? budget)
    {
        using var folder = new ImageFolder(101, 30);
        var data = folder.Open();
        Prop.ForAll(
            (from batchSize in Gen.Choose(1, 120)
             from seed in Gen.Choose(0, 1000)
             from epoch in Gen.Choose(0, 50)
             from threads in Gen.Choose(1, 3)
             from split in Gen.Elements(Split.Train, Split.Validation)
             from shuffle in Gen.Elements(true, false)
             select (batchSize, seed, epoch, threads, split, shuffle)).ToArbitrary(),
            c =>
            {
                using var loader = new BatchLoader(
                    data, c.split, Size, c.batchSize, Augmentation.CropAndFlip, c.shuffle, dropLast: false, (ulong)c.seed, c.threads, budget);
                var seen = Epoch(loader, c.epoch).SelectMany(Identified).ToArray();
                return loader.InMemory == budget is null
                    && seen.All(image => image.Label == ImageFolder.Label(image.Image))
                    && seen.Select(image => image.Image).Order().SequenceEqual(Enumerable.Range(0, data.Count(c.split)));
            }).Check(Config.QuickThrowOnFailure.WithMaxTest(30));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(0L)]
    public void Threads_change_not_one_byte(long? budget)
    {
        using var folder = new ImageFolder(150, 0);
        var data = folder.Open();
        var expected = TwoEpochs(1);
        Assert.Equal(20, expected.Length);
        for (var threads = 2; threads <= 4; threads++)
        {
            foreach (var (one, other) in expected.Zip(TwoEpochs(threads)))
                Assert.Equal(one, other);
        }

        byte[][] TwoEpochs(int threads)
        {
            using var loader = new BatchLoader(data, Split.Train, Size, 16, Augmentation.Full, shuffle: true, dropLast: false, 5, threads, budget);
            return [.. Epoch(loader, 0).Concat(Epoch(loader, 1)).Select(batch => batch.Pixels)];
        }
    }

    [Fact]
    public void Order_and_augmentation_change_with_seed_and_epoch()
    {
        using var folder = new ImageFolder(100, 0);
        var data = folder.Open();
        byte[] First(ulong seed, int epoch, bool shuffle)
        {
            using var loader = new BatchLoader(data, Split.Train, Size, 100, Augmentation.Full, shuffle, dropLast: true, seed);
            return Epoch(loader, epoch).Single().Pixels;
        }

        var kinds = from seed in new ulong[] { 1, 2 } from epoch in new[] { 0, 1 } from shuffle in new[] { false, true } select First(seed, epoch, shuffle);
        Assert.Equal(8, kinds.Select(Convert.ToHexString).Distinct().Count());
        Assert.Equal(First(1, 0, true), First(1, 0, true));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Batches_are_the_same_from_memory_and_from_disk(bool shuffle)
    {
        using var folder = new ImageFolder(180, 0, shards: 5);
        var data = folder.Open();
        (string Pixels, string Labels)[] Batches(long? budget, int threads, int batchSize, int skip)
        {
            using var loader = new BatchLoader(data, Split.Train, Size, batchSize, Augmentation.Full, shuffle, false, 3, threads, budget);
            Assert.Equal(budget is null, loader.InMemory);
            return [.. Epoch(loader, 2, skip).Select(batch => (Convert.ToHexString(batch.Pixels), string.Join(",", batch.Labels)))];
        }

        foreach (var batchSize in new[] { 1, 7, 64, 180, 500 })
        {
            var expected = Batches(null, 1, batchSize, 0);
            foreach (var threads in new[] { 1, 2, 7 })
                Assert.Equal(expected, Batches(0, threads, batchSize, 0));
            Assert.Equal(expected[(expected.Length / 2)..], Batches(0, 3, batchSize, expected.Length / 2));
        }
    }

    /// <summary>What a seed means: shipped figures depend on it.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData(0L)]
    public void The_order_of_a_seed_and_an_epoch_stays(long? budget)
    {
        using var folder = new ImageFolder(20, 0);
        using var loader = new BatchLoader(folder.Open(), Split.Train, Size, 20, null, shuffle: true, dropLast: false, 5, 2, budget);
        string Order(int epoch) => string.Join(' ', Epoch(loader, epoch).SelectMany(Identified).Take(8).Select(image => image.Image));
        Assert.Equal("9 3 8 6 0 2 7 13", Order(0));
        Assert.Equal("9 17 3 13 1 2 5 14", Order(1));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(0L)]
    public void An_epoch_taken_up_in_its_middle_goes_on_as_it_would_have(long? budget)
    {
        using var folder = new ImageFolder(100, 0);
        using var loader = new BatchLoader(folder.Open(), Split.Train, Size, 8, Augmentation.Full, shuffle: true, dropLast: false, 5, 2, budget);
        var whole = Epoch(loader, 3).ToArray();
        Assert.Equal(13, whole.Length);
        for (var skip = 0; skip <= whole.Length; skip++)
            Assert.Equal(whole.Skip(skip).Select(batch => batch.Pixels), Epoch(loader, 3, skip).Select(batch => batch.Pixels));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(0L)]
    public void An_epoch_can_be_left_and_another_begun(long? budget)
    {
        using var folder = new ImageFolder(100, 0);
        using var loader = new BatchLoader(folder.Open(), Split.Train, Size, 8, Augmentation.Full, shuffle: true, dropLast: false, 5, 2, budget);
        var whole = Epoch(loader, 1).Select(batch => batch.Pixels).ToArray();
        for (var taken = 0; taken < 6; taken++)
        {
            loader.StartEpoch(0);
            for (var i = 0; i < taken; i++)
                Assert.True(loader.TryNext(out _));
            Assert.Equal(whole, Epoch(loader, 1).Select(batch => batch.Pixels));
        }
    }

    [Fact]
    public void Without_shuffling_images_come_in_the_order_of_the_shards()
    {
        using var folder = new ImageFolder(50, 0);
        foreach (var budget in new long?[] { null, 0 })
        {
            using var loader = new BatchLoader(folder.Open(), Split.Train, Size, 8, null, shuffle: false, dropLast: false, 5, 2, budget);
            Assert.Equal(Enumerable.Range(0, 50), Epoch(loader, 0).SelectMany(Identified).Select(image => image.Image));
        }
    }

    [Fact]
    public void A_last_batch_that_is_not_full_is_dropped_or_kept()
    {
        using var folder = new ImageFolder(50, 0);
        foreach (var budget in new long?[] { null, 0 })
        {
            using var kept = new BatchLoader(folder.Open(), Split.Train, Size, 16, null, true, dropLast: false, 5, 1, budget);
            using var dropped = new BatchLoader(folder.Open(), Split.Train, Size, 16, null, true, dropLast: true, 5, 1, budget);
            Assert.Equal([16, 16, 16, 2], Epoch(kept, 0).Select(batch => batch.Labels.Length));
            Assert.Equal([16, 16, 16], Epoch(dropped, 0).Select(batch => batch.Labels.Length));
        }

        Assert.Throws<RiffleException>(() => new BatchLoader(folder.Open(), Split.Train, Size, 51, null, true, dropLast: true, 5));
    }

    [Fact]
    public void An_empty_split_has_no_batches()
    {
        using var folder = new ImageFolder(5, 0);
        using var loader = new BatchLoader(folder.Open(), Split.Validation, Size, 16, null, false, false, 0);
        Assert.Equal((0, 0), (loader.Images, loader.BatchesPerEpoch));
        Assert.Empty(Epoch(loader, 0));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(0L)]
    public void A_damaged_shard_is_refused_by_name_and_offset(long? budget)
    {
        using var folder = new ImageFolder(60, 0);
        var bytes = File.ReadAllBytes(folder.Shard(1));
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(folder.Shard(1), bytes);
        var error = Assert.Throws<BadDataException>(() => ReadAll(folder, budget));
        Assert.Contains(folder.Shard(1), error.Message, StringComparison.Ordinal);
        Assert.Matches(@"record \d+ at byte [1-9]\d*", error.Message);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(0L)]
    public void A_label_without_a_class_and_an_image_that_is_none_are_refused_by_name_and_offset(long? budget)
    {
        using var folder = new ImageFolder(20, 0);
        var good = ImageFolder.Example(0, 16, 0);
        ImageFolder.WriteShard(folder.Shard(0), [good, ImageFolder.Example(1, 16, ImageFolder.Classes)]);
        Refused(folder.Shard(0), $"record 1 at byte {good.Length + 16}", $"label is {ImageFolder.Classes}");
        var broken = ImageFolder.Example(1, 16, 0);
        broken.AsSpan(broken.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF]), 3).Clear();
        ImageFolder.WriteShard(folder.Shard(0), [good, broken]);
        Refused(folder.Shard(0), $"record 1 at byte {good.Length + 16}", "1.jpg");

        void Refused(params string[] words)
        {
            var error = Assert.Throws<BadDataException>(() => ReadAll(folder, budget));
            Assert.All(words, word => Assert.Contains(word, error.Message, StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData(0L)]
    public void More_or_fewer_records_than_told_are_refused(long? budget)
    {
        using var folder = new ImageFolder(20, 0);
        ImageFolder.WriteShard(folder.Shard(0), []);
        Assert.Contains("20 training images", Assert.Throws<BadDataException>(() => ReadAll(folder, budget)).Message, StringComparison.Ordinal);
        ImageFolder.WriteShard(folder.Shard(0), Enumerable.Repeat(ImageFolder.Example(1, 16, 0), 10));
        Assert.Contains("20 training images", Assert.Throws<BadDataException>(() => ReadAll(folder, budget)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_error_stays_until_another_epoch_is_begun()
    {
        using var folder = new ImageFolder(60, 0);
        var whole = File.ReadAllBytes(folder.Shard(0));
        using var loader = new BatchLoader(folder.Open(), Split.Train, Size, 8, null, true, false, 5, 2, memoryBudgetBytes: 0);
        File.WriteAllBytes(folder.Shard(0), whole[..^1]);
        Assert.Throws<BadDataException>(() => Epoch(loader, 0).Count());
        Assert.Throws<BadDataException>(() => loader.TryNext(out _));
        File.WriteAllBytes(folder.Shard(0), whole);
        Assert.Equal(8, Epoch(loader, 0).Count());
    }

    [Theory]
    [InlineData(null)]
    [InlineData(0L)]
    public void Disposing_in_the_middle_of_an_epoch_stops_the_threads_at_once(long? budget)
    {
        using var folder = new ImageFolder(200, 0);
        for (var taken = 0; taken < 5; taken++)
        {
            var loader = new BatchLoader(folder.Open(), Split.Train, Size, 8, Augmentation.Full, true, false, 5, 3, budget);
            loader.StartEpoch(0);
            for (var i = 0; i < taken; i++)
                Assert.True(loader.TryNext(out _));
            var clock = Stopwatch.StartNew();
            loader.Dispose();
            Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(10));
            loader.Dispose();
            Assert.Throws<ObjectDisposedException>(() => loader.TryNext(out _));
        }
    }

    [Fact]
    public void Loading_tells_how_far_it_is_and_can_be_stopped()
    {
        using var folder = new ImageFolder(500, 0);
        var told = new List<WorkProgress>();
        using (new BatchLoader(folder.Open(), Split.Train, Size, 8, null, true, false, 5, progress: new ImmediateProgress(told.Add)))
            Assert.Equal([new(WorkStage.Decoding, 256, 500), new(WorkStage.Decoding, 500, 500)], told);

        using var cancel = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => new BatchLoader(
            folder.Open(), Split.Train, Size, 8, null, true, false, 5, progress: new ImmediateProgress(_ => cancel.Cancel()), cancel: cancel.Token));
    }

    [Fact]
    public void Misuse_is_refused()
    {
        using var folder = new ImageFolder(20, 0);
        var data = folder.Open();
        Assert.Throws<ArgumentOutOfRangeException>(() => new BatchLoader(data, Split.Train, 0, 8, null, true, false, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => new BatchLoader(data, Split.Train, Size, 0, null, true, false, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => new BatchLoader(data, Split.Train, Size, 8, null, true, false, 5, threads: 0));
        using var loader = new BatchLoader(data, Split.Train, Size, 8, null, true, false, 5);
        Assert.Throws<InvalidOperationException>(() => loader.TryNext(out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => loader.StartEpoch(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => loader.StartEpoch(0, 4));
    }

    private static void ReadAll(ImageFolder folder, long? budget)
    {
        using var loader = new BatchLoader(folder.Open(), Split.Train, Size, 8, null, true, false, 5, 2, budget);
        _ = Epoch(loader, 0).Count();
    }

    private static IEnumerable<(byte[] Pixels, int[] Labels)> Epoch(BatchLoader loader, int epoch, int skip = 0)
    {
        loader.StartEpoch(epoch, skip);
        while (loader.TryNext(out var batch))
            yield return (batch.Pixels.ToArray(), batch.Labels.ToArray());
    }

    private static IEnumerable<(int Image, int Label)> Identified((byte[] Pixels, int[] Labels) batch) =>
        batch.Pixels.Chunk(Size * Size * 3).Zip(batch.Labels).Select(image => (ImageFolder.Identify(image.First.AsSpan(Size * Size / 2 * 3, 3)), image.Second));

    /// <summary>2,366 × 2,366 × 3 bytes are one of 127.8 parts of what an array can hold.</summary>
    [Fact]
    public void A_batch_of_more_pixels_than_an_array_holds_is_refused_with_the_number_that_fits()
    {
        Assert.Contains("at most 127", Assert.Throws<ArgumentException>(() => new Batch(128, 2366)).Message);
        Assert.Equal((128, 100, 5), (Batch.ForInference(1000, 224), Batch.ForInference(100, 224), Batch.ForInference(1000, 4096)));
    }
}
