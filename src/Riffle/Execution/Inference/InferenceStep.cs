namespace Riffle.Execution;

/// <summary>A step of inference, bound to its places in a block's memory, to its packed weights and to a vector width.</summary>
/// <param name="run">Computes one block.</param>
/// <param name="scratch">Floats of scratch that it needs.</param>
/// <param name="pack">Takes over its weights, in which batch norm is folded; its bias is in the table of planes by then. Null where it has none.</param>
internal sealed unsafe class InferenceStep(InferenceStep.Compute run, long scratch = 0, InferenceStep.Pack? pack = null)
{
    public delegate void Compute(float* data, float* scratch);

    public delegate void Pack(float* kernel);

    /// <summary>Floats of scratch that it needs.</summary>
    public long Scratch => scratch;

    public void Run(float* data, float* scratch) => run(data, scratch);

    /// <summary>Packs its weights, in which batch norm is folded.</summary>
    public void Fold(float[] kernel)
    {
        fixed (float* pointer = kernel)
            pack!(pointer);
    }

    /// <summary>This step, then something that is done with what it wrote.</summary>
    public InferenceStep Then(Action<nint> next) => new(
        (data, scratch) =>
        {
            run(data, scratch);
            next((nint)data);
        },
        Scratch,
        pack);
}
