using System.Globalization;
using Riffle.Execution;
using Riffle.Formats;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Tests.Kernels;
using Riffle.Training;

namespace Riffle.Tests.Execution;

/// <summary>Whole networks against PyTorch, at every vector width. The files and what lies in them: Fixtures/make_parity.py.</summary>
public class ParityTests
{
    private const int Images = 24;

    private static readonly string[] Names =
    [
        "shufflenet-v1-g3-x0.25", "shufflenet-v2-x0.5", "mobilenet-v1-x0.25", "mobilenet-v2-x0.25", "mobilenet-v3-large-x0.25", "mobilenet-v3-small-x0.25",
    ];

    public static TheoryData<string> Networks => [.. Names];

    public static TheoryData<string, string> Cases => VectorWidths.With(Names);

    [Theory]
    [MemberData(nameof(Networks))]
    public void Names_and_shapes_are_those_of_torch(string name)
    {
        var file = Read(name);
        var torch =
            from tensor in file.Names
            where tensor.StartsWith("initial.", StringComparison.Ordinal)
            select $"{tensor["initial.".Length..]} {string.Join('×', file.Shape(tensor))}";
        Assert.Equal(torch, Describe(file).Parameters.Select(p => $"{p.Name} {string.Join('×', p.Shape)}"));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Inference_gives_torch_s_logits(string width, string name)
    {
        var file = Read(name);
        using var plan = new InferencePlan(Initial(file), 16, 2, VectorWidths.Count(width));
        var images = file.Get("images");
        var (one, classes) = (images.Length / Images, plan.Weights.Network.Classes);
        var logits = new float[Images * classes];
        plan.Run(images.AsSpan(0, 16 * one), 16, logits.AsSpan(0, 16 * classes));
        plan.Run(images.AsSpan(16 * one), 8, logits.AsSpan(16 * classes));
        Close("logits", file.Get("eval_logits"), logits, 1e-4);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void First_step_gives_torch_s_loss_gradients_and_statistics(string width, string name)
    {
        var file = Read(name);
        var weights = Initial(file);
        using var plan = new TrainingPlan(weights, Images, 2, VectorWidths.Count(width));
        var logits = new float[Images * weights.Network.Classes];
        var step = plan.Step(file.Get("images"), Labels(file));
        plan.ReadLogits(logits);
        Assert.Equal(file.Get("losses")[0], step.Loss, 1e-4);
        Close("logits", file.Get("train_logits"), logits, 1e-4);

        // Mathematically some gradients vanish (batch norm undoes a shift that reaches it through a linear layer), so a tensor's scale has a floor.
        var largest = weights.Network.Parameters.Where(p => p.IsTrained).Max(p => file.Get("gradient." + p.Name).Max(MathF.Abs));
        foreach (var p in weights.Network.Parameters)
        {
            if (p.IsTrained)
                Close(p.Name, file.Get("gradient." + p.Name), Thin(plan.Gradients.Slice(weights.OffsetOf(p), p.Count)), 1e-3, floor: 1e-2 * largest);
            else
                Close(p.Name, file.Get("running." + p.Name), weights[p.Name], 1e-4);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Ten_Nesterov_steps_give_torch_s_losses_and_weights(string width, string name)
    {
        var file = Read(name);
        var weights = Initial(file);
        using var plan = new TrainingPlan(weights, Images, 2, VectorWidths.Count(width));
        var optimiser = new Optimiser(weights, OptimiserKind.Nesterov, momentum: 0.9f, weightDecay: 1e-4f);
        var (images, labels) = (file.Get("images"), Labels(file));
        var rate = double.Parse(file.Metadata["rate"], CultureInfo.InvariantCulture);
        var losses = new double[10];
        for (var step = 0; step < losses.Length; step++)
        {
            losses[step] = plan.Step(images, labels).Loss;
            optimiser.Apply(weights.Trained, plan.Gradients, rate, step);
        }

        Assert.All(file.Get("losses").Zip(losses), pair => Assert.Equal(pair.First, pair.Second, 1e-3));
        Assert.All(weights.Network.Parameters, p => Close(p.Name, file.Get("final." + p.Name), Thin(weights[p.Name]), 5e-3));
    }

    private static SafeTensorsFile Read(string name) => SafeTensors.Read(Path.Combine(AppContext.BaseDirectory, "Fixtures", $"parity.{name}.safetensors"));

    private static Network Describe(SafeTensorsFile file)
    {
        int Number(string key) => int.Parse(file.Metadata[key]);
        var units = file.Metadata["units"];
        var spec = NetworkCatalogue.Resolve(
            file.Metadata["model"], Preset.Tiny, Number("image_size"), Number("classes"), units.Length == 0 ? null : [.. units.Split(',').Select(int.Parse)]);
        return NetworkCatalogue.Build(spec with { StemStride = Number("stem_stride") });
    }

    private static Weights Initial(SafeTensorsFile file)
    {
        var weights = new Weights(Describe(file));
        foreach (var p in weights.Network.Parameters)
            file.Get("initial." + p.Name).CopyTo(weights[p.Name]);
        return weights;
    }

    private static int[] Labels(SafeTensorsFile file) => [.. file.Get("labels").Select(label => (int)label)];

    /// <summary>Every k-th value of a large tensor, as the file has them.</summary>
    private static float[] Thin(ReadOnlySpan<float> values)
    {
        var step = Math.Max(1, values.Length / 1024);
        var thin = new float[(values.Length + step - 1) / step];
        for (var i = 0; i < thin.Length; i++)
            thin[i] = values[i * step];
        return thin;
    }

    /// <summary>Every value is within a part of the expected values' scale: their largest magnitude, or a floor.</summary>
    private static void Close(string what, float[] expected, ReadOnlySpan<float> actual, double part, double floor = 0)
    {
        Assert.Equal(expected.Length, actual.Length);
        var scale = Math.Max(floor, expected.Max(MathF.Abs));
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(
                Math.Abs(expected[i] - actual[i]) <= part * scale,
                $"{what}[{i}]: {actual[i]} where torch has {expected[i]}; {part} of {scale} is allowed");
        }
    }
}
