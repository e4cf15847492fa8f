using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Riffle.Data;
using Riffle.Execution;
using Riffle.Images;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Simd;
using Riffle.Training;

namespace Riffle.Benchmarks;

/// <summary>
/// What it costs to bring images from a data set into the engine, stage by stage, as one line of JSON. Rates are images per second of processor time, added
/// over all threads, so that a busy machine changes them little: one core gives that many. usage: data DIR [--streamed] [--threads N] [--train MODEL [--steps N]]
/// </summary>
/// <remarks>
/// With --train the engine alone, which takes one ready batch again and again, and the whole loop, which takes batches from the loader, are timed by turns
/// with the clock; the overhead is the median of what the loop took longer than the engine just before it. With --streamed no image is kept in memory.
/// </remarks>
internal static unsafe class DataPath
{
    private const int BatchSize = 128, DecodedImages = 4096, Rounds = 7, TrainingRounds = 12;

    public static int Run(string[] args)
    {
        if (args.Length == 0 || args[0].StartsWith('-'))
        {
            Console.Error.WriteLine("usage: Riffle.Benchmarks data DIR [--streamed] [--threads N] [--train MODEL [--steps 25]]");
            return 2;
        }

        var data = Dataset.Open(args[0], ImageCodec.Default);
        var model = Option(args, "--train");
        var network = NetworkCatalogue.Build(NetworkCatalogue.Resolve(model ?? "shufflenet-v1-g3-x0.25"));
        var size = network.Input.Height;
        var threads = int.Parse(Option(args, "--threads") ?? $"{Environment.ProcessorCount}", CultureInfo.InvariantCulture);
        var result = new Dictionary<string, object>();
        BatchLoader Open() => new(
            data, Split.Train, size, BatchSize, Augmentation.Full, shuffle: true, dropLast: true, seed: 1, threads,
            memoryBudgetBytes: args.Contains("--streamed") ? 0 : long.MaxValue);
        if (model is null)
        {
            MeasureStages(data, network, size, Open, result);
        }
        else
        {
            var steps = int.Parse(Option(args, "--steps") ?? "25", CultureInfo.InvariantCulture);
            MeasureTraining(data, network, Open, threads, steps, result);
            result["model"] = model;
        }

        Console.WriteLine(JsonSerializer.Serialize(result));
        return 0;
    }

    private static void MeasureStages(Dataset data, Network network, int size, Func<BatchLoader> open, Dictionary<string, object> result)
    {
        var (decode, stored) = MeasureDecoding(data, size);
        using (stored)
        {
            result["decode_fit"] = decode;
            var batch = new byte[BatchSize * size * size * 3];
            result["crop_flip_batch"] = MeasureBatches(stored, size, Augmentation.CropAndFlip, batch);
            result["augment_batch"] = MeasureBatches(stored, size, Augmentation.Full, batch);
            result["bytes_to_lanes"] = MeasureLanes(batch, network);
        }

        // The pipeline as training has it, on the loader's threads.
        BatchLoader? loader = null;
        var first = CpuSeconds(() =>
        {
            loader = open();
            Take(loader, epoch: 0);
        });
        using (loader)
        {
            result["first_epoch"] = Math.Round(loader!.Images / first);
            result["steady_epoch"] = MedianRate(loader.Images, round => Take(loader, epoch: 1 + round), rounds: 3);
            result["steady_epoch_by_the_clock"] = Math.Round(loader.Images / Seconds(() => Take(loader, epoch: 9)));
        }
    }

    private static (double Rate, StoredImages Stored) MeasureDecoding(Dataset data, int size)
    {
        var count = Math.Min(DecodedImages, data.Count(Split.Train));
        var records = new byte[count][];
        var places = new RecordPlace[count];
        using (var sequence = new ShardSequence(data, Split.Train, [.. Enumerable.Range(0, data.Shards(Split.Train).Count)]))
        {
            var buffer = new byte[1 << 14];
            for (var i = 0; i < count; i++)
                records[i] = buffer.AsSpan(0, sequence.Read(ref buffer, out places[i])).ToArray();
        }

        var stored = new StoredImages(count, ImageFit.StoredSide(size), ImageCodec.Default);
        var rate = MedianRate(count, _ =>
        {
            for (var i = 0; i < count; i++)
                stored.Decode(i, records[i], places[i], data.Info.Classes.Length);
        });
        return (rate, stored);
    }

    /// <summary>One thread fills batches, an image from anywhere in the memory each time.</summary>
    private static double MeasureBatches(StoredImages stored, int size, Augmentation augmentation, byte[] batch)
    {
        var order = new int[stored.Capacity];
        EpochRandom.FillOrder(order, shuffle: true, seed: 1, epoch: 0);
        return MedianRate(order.Length, round =>
        {
            for (var i = 0; i < order.Length; i++)
            {
                var random = EpochRandom.Augmentation(1, round, (ulong)order[i]);
                var image = batch.AsSpan(i % BatchSize * size * size * 3, size * size * 3);
                augmentation.Apply(stored.Pixels(order[i]), stored.Side, size, ref random, image);
            }
        });
    }

    private static double MeasureLanes(byte[] batch, Network network)
    {
        const int repeats = 32;
        var blockFloats = (long)network.Input.Elements * Lanes.Count;
        using var target = new NativeArray<float>(blockFloats * Lanes.Blocks(BatchSize));
        fixed (byte* pixels = batch)
        {
            var images = ImageBatch.OfBytes(pixels, batch.Length, BatchSize, network, Normalisation.ImageNet);
            return MedianRate(repeats * BatchSize, _ =>
            {
                for (var i = 0; i < repeats * Lanes.Blocks(BatchSize); i++)
                {
                    var block = i % Lanes.Blocks(BatchSize);
                    images.Load(block, target.Pointer + block * blockFloats);
                }
            });
        }
    }

    private static void MeasureTraining(
        Dataset data, Network network, Func<BatchLoader> open, int threads, int steps, Dictionary<string, object> result)
    {
        using var loader = open();
        var weights = new Weights(network);
        Initialisation.Fill(weights, InitialisationKind.He, seed: 1);
        var optimiser = new Optimiser(weights, OptimiserKind.Nesterov, momentum: 0.9f, weightDecay: 1e-4f);
        using var plan = new TrainingPlan(weights, BatchSize, threads);
        long step = 0;
        void Step(ReadOnlySpan<byte> pixels, ReadOnlySpan<int> labels)
        {
            plan.Step(pixels, labels, Normalisation.ImageNet);
            optimiser.Apply(weights.Trained, plan.Gradients, 0.01, step++);
        }

        loader.StartEpoch(0);
        loader.TryNext(out var ready);
        var (readyPixels, readyLabels) = (ready!.Pixels.ToArray(), ready.Labels.ToArray());
        List<double> alone = [], whole = [], overhead = [];
        var rounds = Math.Min(TrainingRounds, loader.BatchesPerEpoch / steps);
        for (var round = 0; round < rounds; round++)
        {
            // Nothing is left of the epoch, so the loader rests.
            loader.StartEpoch(1, loader.BatchesPerEpoch);
            var aloneSeconds = Seconds(() =>
            {
                for (var i = 0; i < steps; i++)
                    Step(readyPixels, readyLabels);
            });

            loader.StartEpoch(1, round * steps);
            var wholeSeconds = Seconds(() =>
            {
                for (var i = 0; i < steps && loader.TryNext(out var batch); i++)
                    Step(batch.Pixels, batch.Labels);
            });

            // The first round warms up.
            if (round == 0)
                continue;
            alone.Add(aloneSeconds);
            whole.Add(wholeSeconds);
            overhead.Add(wholeSeconds / aloneSeconds - 1);
        }

        if (overhead.Count == 0)
            throw new RiffleException($"{data.Directory}: two rounds of {steps} steps need {2 * steps} batches, an epoch has {loader.BatchesPerEpoch}");
        var images = (double)steps * BatchSize;
        result["threads"] = plan.Threads;
        result["engine_alone"] = Math.Round(images / Median(alone), 1);
        result["whole_loop"] = Math.Round(images / Median(whole), 1);
        result["overhead_percent"] = Math.Round(100 * Median(overhead), 1);
    }

    private static void Take(BatchLoader loader, int epoch)
    {
        loader.StartEpoch(epoch);
        while (loader.TryNext(out _))
        {
        }
    }

    private static string? Option(string[] args, string name)
    {
        var at = Array.IndexOf(args, name);
        return at < 0 ? null : args[at + 1];
    }

    private static double MedianRate(int images, Action<int> work, int rounds = Rounds)
    {
        work(0);
        return Math.Round(images / Median(Enumerable.Range(1, rounds).Select(round => CpuSeconds(() => work(round)))));
    }

    private static double Seconds(Action work)
    {
        var start = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static double CpuSeconds(Action work)
    {
        var before = Environment.CpuUsage.TotalTime;
        work();
        return (Environment.CpuUsage.TotalTime - before).TotalSeconds;
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }
}
