using Riffle.Data;

namespace Riffle.Tests.Data;

[Collection(nameof(Alone))]
public class BatchLoaderAllocationTests
{
    [Fact]
    public void Batches_of_images_in_memory_allocate_nothing_on_any_thread()
    {
        using var folder = new ImageFolder(200, 0);
        using var loader = new BatchLoader(folder.Open(), Split.Train, 14, 2, Augmentation.Full, shuffle: true, dropLast: false, 5, threads: 2);
        Take(epochs: 10);
        var (here, everywhere) = (GC.GetAllocatedBytesForCurrentThread(), GC.GetTotalAllocatedBytes(precise: true));
        Take(epochs: 50);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - here);

        // The runtime's own threads may allocate a little meanwhile; one small object for each of the 5,000 batches would be 120,000 bytes.
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - everywhere, 0, 20_000);

        void Take(int epochs)
        {
            for (var epoch = 0; epoch < epochs; epoch++)
            {
                loader.StartEpoch(epoch);
                while (loader.TryNext(out _))
                {
                }
            }
        }
    }
}
