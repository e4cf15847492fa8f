using Riffle.Kernels;

namespace Riffle.Execution;

/// <summary>A step of inference, bound to its places in a block's memory, to its packed weights and to a vector width.</summary>
/// <param name="run">Computes a share of the output of one block, planes or blocks of sixteen channels.</param>
/// <param name="edges">Where its output may be cut, from 0 to the number of its planes or blocks of channels.</param>
/// <param name="scratch">Floats of scratch that it needs.</param>
/// <param name="pack">Takes over its weights, in which batch norm is folded; its bias is in the table of planes by then. Null where it has none.</param>
internal sealed unsafe class InferenceStep(InferenceStep.Compute run, int[] edges, long scratch = 0, InferenceStep.Pack? pack = null)
{
    public delegate void Compute(float* data, float* scratch, Share share);

    public delegate void Pack(float* kernel);

    /// <summary>Where its output may be cut, from 0 to the number of its planes or blocks of channels.</summary>
    public int[] Edges => edges;

    /// <summary>Floats of scratch that it needs.</summary>
    public long Scratch => scratch;

    /// <summary>Computes a share of its output.</summary>
    public void Run(float* data, float* scratch, Share share) => run(data, scratch, share);

    /// <summary>Computes its output.</summary>
    public void Run(float* data, float* scratch) => run(data, scratch, new(0, edges[^1]));

    /// <summary>Packs its weights, in which batch norm is folded.</summary>
    public void Fold(float[] kernel)
    {
        fixed (float* pointer = kernel)
            pack!(pointer);
    }

    /// <summary>This step, then something that is done with what it wrote.</summary>
    public InferenceStep Then(Action<nint, Share> next) => new(
        (data, scratch, share) =>
        {
            run(data, scratch, share);
            next((nint)data, share);
        },
        edges,
        Scratch,
        pack);
}
