using System.Runtime.Intrinsics;
using FsCheck;
using FsCheck.Fluent;
using Riffle.Execution;
using Riffle.Networks;
using Riffle.Simd;
using Riffle.Tests.Networks;

namespace Riffle.Tests.Execution;

/// <summary>Complexity is what a network's description says it costs; here is what its kernels do, counted while they do it.</summary>
public unsafe class ExecutedProductsTests
{
    private static readonly Arbitrary<NetworkSpec> Specs =
        (from name in Gen.Elements<string>([.. SmallNetworks.Names, "shufflenet-v1-g1-x0.25", "shufflenet-v1-g8-x0.25"])
         from size in Gen.Choose(17, 26)
         from classes in Gen.Choose(1, 30)
         from units in Gen.Choose(1, 2).ArrayOf(3)
         select NetworkCatalogue.Resolve(name, imageSize: size, classes: classes, units: name.StartsWith("mobile", StringComparison.Ordinal) ? null : units))
        .ToArbitrary();

    /// <summary>A block is sixteen images, each of them a lane: what it takes is sixteen times the complexity, in each layer and in all.</summary>
    [Fact]
    public void The_complexity_of_a_network_is_the_number_of_products_that_its_kernels_compute() => Prop.ForAll(Specs, spec =>
    {
        var network = NetworkCatalogue.Build(spec);
        var expected = Complexity.Of(network);
        using var program = new InferenceProgram(network, Lanes.Count, VectorLevels.All[^1]);
        var steps = program.Run<CountingVec>();
        using var memory = new NativeArray<float>(program.DataSize + program.Scratch);
        var layers = program.Compiled.Steps.Select(step => step.Source.Layer!).ToArray();
        long sum = 0;
        for (var s = 0; s < steps.Length; s++)
        {
            CountingVec.Products = 0;
            steps[s].Run(memory.Pointer, memory.Pointer + program.DataSize);
            var macs = expected.Layers.Single(layer => layer.Layer.Index == layers[s].Index).Macs;
            if (macs == 0)
                continue; // a pool, a sum or a scale: an average's products by 1/9 are no multiply-adds in any paper

            // Nor are those of a smooth activation that follows at once.
            var products = CountingVec.Products - layers[s].Output.Elements * Lanes.Count * ProductsOf(program.Compiled.Steps[s].Epilogue.Function);
            Assert.Equal((spec.Name, layers[s].Name, macs * Lanes.Count), (spec.Name, layers[s].Name, products));
            sum += products;
        }

        Assert.Equal(expected.Macs * Lanes.Count, sum);
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(16));

    /// <summary>Products that an activation takes for one value.</summary>
    private static long ProductsOf(ActivationKind? kind)
    {
        if (kind is null)
            return 0;
        var (value, before) = (1f, CountingVec.Products);
        ActivationFunctions<CountingVec>.Of(kind)(&value, &value, 1);
        return CountingVec.Products - before;
    }

    /// <summary>A vector of one float that counts its products.</summary>
    private readonly struct CountingVec : IVec<CountingVec>
    {
        [ThreadStatic]
        public static long Products;

        private readonly float _value;

        private CountingVec(float value) => _value = value;

        public static int Count => 1;

        public static int Registers => 16;

        public static CountingVec Zero => default;

        public static CountingVec operator +(CountingVec a, CountingVec b) => new(a._value + b._value);

        public static CountingVec operator -(CountingVec a, CountingVec b) => new(a._value - b._value);

        public static CountingVec operator *(CountingVec a, CountingVec b)
        {
            Products++;
            return new(a._value * b._value);
        }

        public static CountingVec operator /(CountingVec a, CountingVec b) => new(a._value / b._value);

        public static CountingVec Exp(CountingVec value) => new(MathF.Exp(value._value));

        public static CountingVec Load(float* source) => new(*source);

        public static void Store(float* target, CountingVec value) => *target = value._value;

        public static void StoreNonTemporal(float* target, CountingVec value) => Store(target, value);

        public static CountingVec Broadcast(float value) => new(value);

        public static CountingVec MultiplyAdd(CountingVec a, CountingVec b, CountingVec c) => (a * b) + c;

        public static void Accumulate(ref CountingVec sum, CountingVec a, CountingVec b) => sum = MultiplyAdd(a, b, sum);

        public static CountingVec Max(CountingVec a, CountingVec b) => new(Math.Max(a._value, b._value));

        public static CountingVec Min(CountingVec a, CountingVec b) => new(Math.Min(a._value, b._value));

        public static CountingVec WhereAtLeast(CountingVec a, CountingVec b, CountingVec yes, CountingVec no) => a._value >= b._value ? yes : no;

        public static float Sum(CountingVec value) => value._value;

        public static (CountingVec Even, CountingVec Odd) Unzip(CountingVec a, CountingVec b) => (a, b);

        public static Vector128<float> Sum4(CountingVec a, CountingVec b, CountingVec c, CountingVec d) =>
            Vector128.Create(a._value, b._value, c._value, d._value);
    }
}
