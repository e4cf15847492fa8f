using System.Runtime.ExceptionServices;

namespace Riffle.Data;

/// <summary>All images of a split in memory, decoded once. An epoch is one shuffle of all of them.</summary>
internal sealed class ResidentImages : ImageSource
{
    private readonly StoredImages _images;
    private readonly EpochOrder _order;

    private ResidentImages(StoredImages images, EpochOrder order) => (_images, _order) = (images, order);

    /// <summary>Decodes a split on all cores. Image i of the shards ends in slot i, whichever thread decodes it.</summary>
    public static ResidentImages Load(
        Dataset data, Split split, int side, FitKind fit, EpochOrder order, IProgress<WorkProgress>? progress, CancellationToken cancel)
    {
        var images = new StoredImages(data.Count(split), side, data.Codec, fit);
        try
        {
            using var loading = new Loading(data, split, images, progress, cancel);
            loading.Run();
            return new(images, order);
        }
        catch
        {
            images.Dispose();
            throw;
        }
    }

    public override void StartEpoch(int epoch, int first, int end) => _order.Fill(epoch);

    public override bool Has(int first, int end) => true;

    public override (StoredImages Images, int Slot) At(int position) => (_images, _order[position]);

    public override void Release(int position)
    {
    }

    public override bool TryReserveWork() => false;

    public override int Work(ref byte[] buffer) => throw new InvalidOperationException("All images are loaded already.");

    public override void Done(int work)
    {
    }

    public override void Dispose() => _images.Dispose();

    private sealed class Loading(Dataset data, Split split, StoredImages images, IProgress<WorkProgress>? progress, CancellationToken cancel)
        : IDisposable
    {
        private const int ReportEvery = 256;

        private readonly ShardSequence _records = new(data, split, [.. Enumerable.Range(0, data.Shards(split).Count)]);
        private readonly Lock _gate = new();
        private int _taken, _done, _failedAt = int.MaxValue;
        private ExceptionDispatchInfo? _failure;

        public void Run()
        {
            var threads = new Thread[Environment.ProcessorCount];
            for (var i = 0; i < threads.Length; i++)
                (threads[i] = new(DecodeRecords) { IsBackground = true, Name = "Riffle loading" }).Start();
            foreach (var thread in threads)
                thread.Join();
            _failure?.Throw();
            cancel.ThrowIfCancellationRequested();
        }

        public void Dispose() => _records.Dispose();

        private void DecodeRecords()
        {
            var buffer = new byte[1 << 14];
            while (true)
            {
                var slot = -1;
                try
                {
                    int length;
                    RecordPlace place;
                    lock (_gate)
                    {
                        if (_taken == images.Capacity || _failure is not null || cancel.IsCancellationRequested)
                            return;
                        slot = _taken++;
                        length = _records.Read(ref buffer, out place);
                    }

                    images.Decode(slot, buffer.AsSpan(0, length), place, data.Info.Classes.Length);
                    Report();
                }
                catch (Exception e)
                {
                    Fail(slot, e);
                }
            }
        }

        private void Report()
        {
            lock (_gate)
            {
                _done++;
                if (_done % ReportEvery == 0 || _done == images.Capacity)
                    progress?.Report(new(WorkStage.Decoding, _done, images.Capacity));
            }
        }

        /// <summary>Records before this one are being decoded still: the first that fails is told, whichever thread is first.</summary>
        private void Fail(int slot, Exception e)
        {
            lock (_gate)
            {
                if (slot < _failedAt)
                    (_failedAt, _failure) = (slot, ExceptionDispatchInfo.Capture(e));
            }
        }
    }
}
