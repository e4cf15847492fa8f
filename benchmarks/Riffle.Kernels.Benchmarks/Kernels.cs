namespace Riffle.Kernels.Benchmarks;

public class Pointwise : KernelBenchmark
{
    public static IEnumerable<KernelShape> Shapes =>
    [
        new("shufflenet-v2-x1.0", "stage2.1.branch2.0"), // 58 → 58 at 28×28
        new("shufflenet-v1-g3-x1.0", "stage2.1.branch2.5"), // 60 → 240 in three groups, with a residual
        new("mobilenet-v2-x1.0", "features.3.conv.0.0"), // 24 → 144 at 56×56
    ];
}

public class Depthwise : KernelBenchmark
{
    public static IEnumerable<KernelShape> Shapes =>
    [
        new("shufflenet-v2-x1.0", "stage2.1.branch2.3"), // 58 at 28×28
        new("mobilenet-v2-x1.0", "features.4.conv.1.0"), // 144 at 56×56, stride 2
        new("mobilenet-v3-small-x1.0", "features.5.block.1.0"), // 240 at 14×14, 5×5
    ];
}

public class Dense : KernelBenchmark
{
    public static IEnumerable<KernelShape> Shapes => [new("shufflenet-v2-x1.0", "conv1.0"), new("mobilenet-v2-x1.0", "features.0.0")];
}

public class Pool : KernelBenchmark
{
    public static IEnumerable<KernelShape> Shapes => [new("shufflenet-v2-x1.0", "maxpool"), new("shufflenet-v1-g3-x1.0", "stage3.0.averagepool")];
}

public class Sum : KernelBenchmark
{
    public static IEnumerable<KernelShape> Shapes => [new(null, "add")];
}

public class Activation : KernelBenchmark
{
    public static IEnumerable<KernelShape> Shapes => [new(null, "activation")];
}
