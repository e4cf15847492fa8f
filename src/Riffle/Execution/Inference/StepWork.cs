using Riffle.Networks;

namespace Riffle.Execution;

/// <summary>What steps of inference take on one thread, roughly, from their shapes: enough to decide how many threads a stage is worth.</summary>
internal static class StepWork
{
    /// <summary>Multiply-adds of a product in a nanosecond: 80 billion floating-point operations a second.</summary>
    private const double MultiplyAdds = 40;

    /// <summary>Floats that a step reads and writes in a nanosecond: 40 GB/s.</summary>
    private const double Floats = 10;

    /// <summary>Nanoseconds for one block of images.</summary>
    public static double Of(CompiledStep step, int lanes)
    {
        double outputs = (double)step.Output.Channels * step.Output.Positions * lanes;
        var inputs = (double)step.Input.Elements * lanes;
        var window = step.Primitive.Window.Kernel * step.Primitive.Window.Kernel;
        var depth = step.Primitive is Product product ? (double)window * step.Input.Channels / product.Groups : window;
        var weights = step.Epilogue.HasBias ? step.Source.Layer!.Parameters[0].Count : 0;
        return outputs * depth / MultiplyAdds + (inputs + outputs + weights) / Floats;
    }
}
