using System.Runtime.InteropServices;
using Riffle.Data;
using Riffle.Execution;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Training;

namespace Riffle.Benchmarks;

/// <summary>
/// What peers/verify_onnx.py and verify_onnx_imports.py compare with ONNX Runtime: images as bytes NAME.pixels and as normalised floats NAME.images, and
/// Riffle's logits NAME.logits.BATCH.
/// </summary>
internal static class OnnxSamples
{
    private const int Seed = 1;

    private static readonly int[] Batches = [1, 6, 33];

    /// <summary>
    /// MobileNet v3 large is not among them: with random weights its logits are in the thousands, and PyTorch's own floats and doubles differ by more than is
    /// allowed.
    /// </summary>
    private static readonly string[] Networks =
    [
        "shufflenet-v1-g3-x0.25", "shufflenet-v1-g8-x0.5", "shufflenet-v2-x0.5", "shufflenet-v2-x1.0", "mobilenet-v1-x0.25", "mobilenet-v1-x1.0",
        "mobilenet-v2-x0.5", "mobilenet-v3-small-x1.0",
    ];

    /// <summary>Of given checkpoints, and of networks of all families in both presets with nothing at its default; NAME.safetensors is each.</summary>
    public static int OfCheckpoints(string folder, string[] checkpoints)
    {
        Directory.CreateDirectory(folder);
        void Save(string name, Checkpoint checkpoint)
        {
            checkpoint.Save(Path.Combine(folder, $"{name}.safetensors"));
            Write(folder, name, checkpoint);
        }

        foreach (var file in checkpoints)
            Save($"trained-{Path.GetFileNameWithoutExtension(file)}", Checkpoint.Load(file));
        foreach (var preset in Enum.GetValues<Preset>())
        {
            foreach (var name in Networks)
            {
                var spec = NetworkCatalogue.Resolve(name, preset);
                DatasetClass[] classes = [.. Enumerable.Range(0, spec.Classes).Select(i => new DatasetClass($"class{i}", $"class{i}"))];
                Save($"{preset.ToString().ToLowerInvariant()}-{name}", new(spec, RandomWeights(spec), classes, Normalisation.ImageNet));
            }
        }

        return 0;
    }

    /// <summary>Of ONNX files, as Riffle's own reader sees them.</summary>
    public static int OfFiles(string folder, string[] files)
    {
        Directory.CreateDirectory(folder);
        foreach (var file in files)
            Write(folder, Path.GetFileNameWithoutExtension(file), Model.Open(file));
        return 0;
    }

    private static void Write(string folder, string name, Model model)
    {
        string Place(string kind) => Path.Combine(folder, $"{name}.{kind}");
        var random = new Random(Seed);
        var (side, most) = (model.ImageSize, Batches.Max());
        var pixels = new byte[most * side * side * 3];
        random.NextBytes(pixels);
        File.WriteAllBytes(Place("pixels"), pixels);

        var (mean, deviation) = (model.Normalisation.Mean, model.Normalisation.Deviation);
        float[] means = [mean.Red, mean.Green, mean.Blue], deviations = [deviation.Red, deviation.Green, deviation.Blue];
        var images = new float[pixels.Length];
        for (var i = 0; i < pixels.Length; i++)
        {
            var (image, within) = Math.DivRem(i, side * side * 3);
            var (position, colour) = Math.DivRem(within, 3);
            images[((image * 3) + colour) * side * side + position] = (float)((pixels[i] / 255.0 - means[colour]) / deviations[colour]);
        }

        File.WriteAllBytes(Place("images"), MemoryMarshal.AsBytes<float>(images));
        using var plan = new InferencePlan(model.Weights, most, threads: 1);
        foreach (var batch in Batches)
        {
            var logits = new float[batch * model.Classes.Count];
            plan.Run(pixels.AsSpan(0, batch * side * side * 3), batch, model.Normalisation, logits);
            File.WriteAllBytes(Place($"logits.{batch}"), MemoryMarshal.AsBytes<float>(logits));
        }
    }

    /// <summary>Weights as a training may leave them: no batch norm is the identity.</summary>
    private static Weights RandomWeights(NetworkSpec spec)
    {
        var weights = new Weights(NetworkCatalogue.Build(spec));
        Initialisation.Fill(weights, InitialisationKind.He, Seed);
        var random = new Random(Seed);
        foreach (var parameter in weights.Network.Parameters.Where(parameter => parameter.Kind != ParameterKind.Kernel))
        {
            var centre = parameter.Kind is ParameterKind.NormWeight or ParameterKind.RunningVariance ? 1 : 0;
            foreach (ref var value in weights[parameter.Name])
                value = (float)(centre + random.NextDouble() - 0.5);
        }

        return weights;
    }
}
