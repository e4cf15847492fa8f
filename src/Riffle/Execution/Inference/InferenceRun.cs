using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>A batch under way: blocks of sixteen images, and single ones behind them, in the memory of the threads that lead them.</summary>
/// <param name="block">Computes blocks; null where all images are computed one by one.</param>
/// <param name="single">Computes single images.</param>
/// <param name="workspaces">One for each thread.</param>
internal sealed unsafe class InferenceRun(InferenceProgram? block, InferenceProgram single, Workspace[] workspaces) : IStagedItems, IDisposable
{
    /// <summary>
    /// Images that are worth a block of sixteen, some of whose lanes are unused. A block takes as long as 10 (ShuffleNet v1 x0.25) to 17 (MobileNet x1.0) single images,
    /// 15 in the middle, as benchmarks/results/AMD-EPYC-Zen4.md has it.
    /// </summary>
    public const int FewestInBlock = 15;

    /// <summary>Bytes of images that are worth a thread to bring them in.</summary>
    private const int LeastBytes = 64 << 10;

    private ImageBatch _images;
    private float* _logits, _features;
    private LayerTimes? _times;

    /// <summary>Number of blocks and single images.</summary>
    public int Items { get; private set; }

    private int Blocks { get; set; }

    /// <summary>What a batch is cut into: so many blocks, the last of which may lack some images, and so many items in all.</summary>
    public static (int Blocks, int Items) Cut(int images, bool hasBlocks)
    {
        if (!hasBlocks)
            return (0, images);
        var (blocks, rest) = Math.DivRem(images, Lanes.Count);
        return rest >= FewestInBlock ? (blocks + 1, blocks + 1) : (blocks, blocks + rest);
    }

    /// <summary>Takes a batch.</summary>
    /// <param name="images">Its images, which stay in place while it runs.</param>
    /// <param name="logits">Receives images×classes.</param>
    /// <param name="features">Receives images×features, where they are wanted.</param>
    /// <param name="times">Receives the time of each step, where they are counted.</param>
    public void Take(in ImageBatch images, float* logits, float* features, LayerTimes? times)
    {
        (_images, _times) = (images, times);
        _logits = logits;
        _features = features;
        (Blocks, Items) = Cut(images.Count, block != null);
    }

    /// <summary>Computes all on the calling thread.</summary>
    public void Compute()
    {
        Begin(worker: 0);
        for (var item = 0; item < Items; item++)
        {
            for (var stage = 0; stage < StagesOf(item); stage++)
                Compute(item, stage, part: 0, parts: 1, leader: 0, worker: 0);
        }
    }

    /// <summary>The first output of the batch, in the order of the steps of each item, that holds a value that is infinite or NaN.</summary>
    public NonFinite? FirstNonFinite()
    {
        NonFinite? found = null;
        for (var item = 0; item < Items && found is null; item++)
        {
            Load(item, part: 0, parts: 1, workspaces[0]);
            found = ProgramOf(item).FirstNonFinite(workspaces[0].Data, workspaces[0].Scratch, ImagesOf(item).Count);
        }

        return found;
    }

    /// <summary>Bringing the images in, the stages of the network, and reading the logits.</summary>
    public int StagesOf(int item) => ProgramOf(item).Stages.Length + 2;

    public int MostThreads(int item) => ProgramOf(item).MostThreads;

    public int PartsOn(int item, int stage, int threads)
    {
        var program = ProgramOf(item);
        if (stage == 0)
            return item < Blocks ? 1 : (int)Math.Clamp(sizeof(float) * program.Network.Input.Elements / LeastBytes, 1, threads);
        return stage <= program.Stages.Length ? program.Stages[stage - 1].PartsOn(threads) : 1;
    }

    public void Begin(int worker) => _times?.Start(worker);

    public void Compute(int item, int stage, int part, int parts, int leader, int worker)
    {
        _times?.Lap(worker, OtherWork.Waiting);
        var (program, memory) = (ProgramOf(item), workspaces[leader]);
        if (stage == 0)
        {
            Load(item, part, parts, memory);
            _times?.Lap(worker, OtherWork.Images);
        }
        else if (stage <= program.Stages.Length)
        {
            program.Stages[stage - 1].Run(part, parts, memory.Data, workspaces[worker].Scratch, _times, worker);
        }
        else
        {
            var (first, count) = ImagesOf(item);
            var values = (int)program.Network.Layers[^1].Output.Elements;
            var width = program.Features.Length;
            for (var lane = 0; lane < count; lane++)
            {
                program.ReadOutput(memory.Data, lane, new Span<float>(_logits + (long)(first + lane) * values, values));
                if (_features != null)
                    program.ReadFeatures(memory.Data, lane, new Span<float>(_features + (long)(first + lane) * width, width));
            }

            _times?.Lap(worker, OtherWork.Loss);
        }
    }

    /// <summary>Where memory is guarded, makes sure that a run wrote into its own.</summary>
    public void Verify()
    {
        foreach (var workspace in workspaces)
            workspace.Verify();
        block?.Verify();
        single.Verify();
    }

    public void Dispose()
    {
        foreach (var workspace in workspaces)
            workspace.Dispose();
    }

    private InferenceProgram ProgramOf(int item) => item < Blocks ? block! : single;

    private (int First, int Count) ImagesOf(int item)
    {
        var first = item < Blocks ? item * Lanes.Count : Blocks * Lanes.Count + item - Blocks;
        return (first, item < Blocks ? Math.Min(Lanes.Count, _images.Count - first) : 1);
    }

    private void Load(int item, int part, int parts, Workspace memory)
    {
        if (item < Blocks)
            _images.Load(item, memory.Data + block!.ImagesOffset);
        else
            _images.LoadOne(ImagesOf(item).First, memory.Data + single.ImagesOffset, single.ImagesStride, part, parts);
    }
}
