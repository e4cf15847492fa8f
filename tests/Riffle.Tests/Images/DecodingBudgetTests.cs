using System.Diagnostics;
using System.IO.Compression;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Images;

/// <summary>What images take of memory while several are decoded. The budget is the process's, so nothing else runs.</summary>
[Collection(nameof(Alone))]
public sealed class DecodingBudgetTests : IDisposable
{
    private readonly long _before = DecodingBudget.Bytes;

    public void Dispose() => DecodingBudget.Bytes = _before;

    [Fact]
    public async Task Who_asks_for_more_than_is_left_waits_in_order_and_can_be_cancelled()
    {
        DecodingBudget.Bytes = 100;
        DecodingBudget.Take(60, CancellationToken.None);
        using var stop = new CancellationTokenSource();
        var first = Task.Run(() => DecodingBudget.Take(1000, stop.Token), TestContext.Current.CancellationToken);
        await Task.Delay(100, TestContext.Current.CancellationToken);
        var second = Task.Run(() => DecodingBudget.Take(30, CancellationToken.None), TestContext.Current.CancellationToken);
        await Task.Delay(100, TestContext.Current.CancellationToken);
        Assert.False(first.IsCompleted || second.IsCompleted); // the second would fit, but it came later

        stop.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        await second.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        DecodingBudget.Return(60);
        DecodingBudget.Return(30);
        DecodingBudget.Take(1000, CancellationToken.None); // alone, it may have more
        DecodingBudget.Return(1000);
    }

    [Fact]
    public void Sixteen_large_pngs_at_the_same_time_take_little_more_memory_than_the_budget()
    {
        const int Side = 10_000, Images = 16;
        var png = LargePng(Side);
        Assert.InRange(png.Length, 100_000, 1_000_000);
        using var classifier = Classifier.Load(Path.Combine(Cli.Shell.Root, "models", "shufflenet-v1-g1-x0.25.safetensors"), threads: 1);
        var expected = classifier.Classify(png).Best;
        GC.Collect();
        using var process = Process.GetCurrentProcess();
        var (start, peak, done) = (process.WorkingSet64, 0L, false);
        var watch = new Thread(() =>
        {
            while (!Volatile.Read(ref done))
            {
                process.Refresh();
                peak = Math.Max(peak, process.WorkingSet64);
                Thread.Sleep(2);
            }
        });
        watch.Start();
        var threads = Enumerable.Range(0, Images).Select(_ => new Thread(() => Assert.Equal(expected, classifier.Classify(png).Best))).ToArray();
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Volatile.Write(ref done, true);
        watch.Join();
        TestContext.Current.SendDiagnosticMessage($"{(peak - start) >> 20} MiB");
        Console.WriteLine($"sixteen PNGs: {(peak - start) >> 20} MiB");
        Assert.InRange(peak - start, 0, 1L << 30);
    }

    [Fact]
    public void A_limit_of_pixels_refuses_an_image_by_its_header()
    {
        using var classifier = Classifier.Load(Path.Combine(Cli.Shell.Root, "models", "shufflenet-v1-g1-x0.25.safetensors"), threads: 1);
        var jpeg = JpegEncoder.Encode(TestImages.Gradient(40, 30));
        Assert.NotEmpty(classifier.Classify(jpeg, new ClassifyOptions { MaxPixels = 1200 }));
        Error.Names(Assert.Throws<BadDataException>(() => classifier.Classify(jpeg, new ClassifyOptions { Name = "upload", MaxPixels = 1199 })).Message, "upload: ", "1199");
    }

    /// <summary>RGB, rows of one colour.</summary>
    private static byte[] LargePng(int side)
    {
        using var packed = new MemoryStream();
        using (var deflater = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            var row = new byte[1 + (3 * side)];
            for (var y = 0; y < side; y++)
            {
                row.AsSpan(1).Fill((byte)(y / 64));
                deflater.Write(row);
            }
        }

        return TestImages.PngFile(("IHDR", TestImages.PngHeader(side, side, 8, 2)), ("IDAT", packed.ToArray()), ("IEND", []));
    }
}
