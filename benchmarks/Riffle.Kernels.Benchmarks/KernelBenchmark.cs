using System.Diagnostics.CodeAnalysis;
using BenchmarkDotNet.Attributes;
using Riffle.Execution;
using Riffle.Simd;

namespace Riffle.Kernels.Benchmarks;

/// <summary>Times one step of inference on one thread, with its activations and weights in place.</summary>
[SuppressMessage("Design", "CA1001", Justification = "BenchmarkDotNet calls Cleanup.")]
public abstract unsafe class KernelBenchmark
{
    private InferenceProgram _program = null!;
    private InferenceStep _step = null!;
    private NativeArray<float> _data = null!, _scratch = null!;

    /// <summary>The vector levels of this machine.</summary>
    public static IEnumerable<string> Levels => VectorLevels.Available.Select(level => level.Name);

    /// <summary>The step.</summary>
    [ParamsSource("Shapes")]
    public KernelShape Shape { get; set; } = null!;

    /// <summary>Images in a block.</summary>
    [Params(1, Lanes.Count)]
    public int Images { get; set; }

    /// <summary>The vector level.</summary>
    [ParamsSource(nameof(Levels))]
    public string Vector { get; set; } = null!;

    [GlobalSetup]
    public void Setup()
    {
        var level = VectorLevels.Choose(Vector);
        _program = new(Shape.Build(), Images, level);
        var steps = _program.Compiled.Steps;
        var index = Enumerable.Range(0, steps.Count).Last(i => steps[i].Name == Shape.Layer);
        _step = level.Run(_program)[index];
        var random = new Random(1);
        if (steps[index].Epilogue.HasBias)
            _step.Fold([.. Enumerable.Range(0, steps[index].Source.Layer!.Parameters[0].Count).Select(_ => random.NextSingle() - 0.5f)]);
        (_data, _scratch) = (new(_program.DataSize), new(_program.Scratch));
        for (var i = 0L; i < _data.Length; i++)
            _data.Pointer[i] = random.NextSingle();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _data.Dispose();
        _scratch.Dispose();
        _program.Dispose();
    }

    [Benchmark]
    public void Infer() => _step.Run(_data.Pointer, _scratch.Pointer);
}
