namespace Riffle.Execution;

/// <summary>A step of inference, bound to its places in a block's memory, to its packed weights and to a vector width.</summary>
/// <param name="run">Computes one block.</param>
/// <param name="scratch">Floats of scratch that it needs.</param>
/// <param name="pack">Takes over its weights, in which batch norm is folded; its bias is in the table of planes by then. Null where it has none.</param>
/// <param name="output">First plane of what it writes, where that is not the step's own output.</param>
internal sealed unsafe class FoldedStep(FoldedStep.Compute run, long scratch, FoldedStep.Pack? pack = null, int? output = null)
{
    public delegate void Compute(float* data, float* scratch);

    public delegate void Pack(float* kernel);

    /// <summary>First plane of what it writes, where that is not the step's own output.</summary>
    public int? Output => output;

    /// <summary>Floats of scratch that it needs.</summary>
    public long Scratch => scratch;

    public void Run(float* data, float* scratch) => run(data, scratch);

    /// <summary>Packs its weights, in which batch norm is folded.</summary>
    public void Fold(float[] kernel)
    {
        fixed (float* pointer = kernel)
            pack!(pointer);
    }

    /// <summary>This step after something else that it needs.</summary>
    public FoldedStep Behind(Compute before) => new(
        (data, scratch) =>
        {
            before(data, scratch);
            run(data, scratch);
        },
        scratch,
        pack,
        output);
}
