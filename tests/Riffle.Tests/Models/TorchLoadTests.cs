using System.Runtime.CompilerServices;
using Riffle.Data;
using Riffle.Execution;
using Riffle.Formats;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Tests.Cli;
using Riffle.Tests.Formats;
using Riffle.Training;

namespace Riffle.Tests.Models;

public sealed class TorchLoadTests(ITestOutputHelper output)
{
    /// <summary>Trained for a step, so that the statistics of batch norm and its weights are not those they begin with.</summary>
    [TorchFact]
    [Trait("Category", "slow")]
    public void PyTorch_loads_a_checkpoint_into_torchvision_s_network_and_gives_the_same_logits()
    {
        const int Classes = 10, Size = 64, Images = 6;
        using var folder = new TemporaryFolder();
        var spec = NetworkCatalogue.Resolve("shufflenet-v2-x1.0", Preset.ImageNet, Size, Classes);
        var weights = new Weights(NetworkCatalogue.Build(spec));
        Initialisation.Fill(weights, InitialisationKind.He, 1);
        var random = Random64.Create(1, 2);
        var images = new float[Images * 3 * Size * Size];
        foreach (ref var value in images.AsSpan())
            value = random.NextGaussian();
        using (var training = new TrainingPlan(weights, Images, 1))
        {
            training.Step(images, [0, 1, 2, 3, 4, 5]);
            new Optimiser(weights, OptimiserKind.Nesterov, 0.9f, 0).Apply(weights.Trained, training.Gradients, 0.05, 0);
        }

        var logits = new float[Images * Classes];
        using (var plan = new InferencePlan(weights, Images, 1))
            plan.Run(images, Images, logits);
        var (checkpoint, expected) = (folder.PathOf("best.safetensors"), folder.PathOf("expected.safetensors"));
        new Checkpoint(spec, weights, [.. Enumerable.Range(0, Classes).Select(i => new DatasetClass($"{i}", $"{i}"))], Normalisation.ImageNet).Save(checkpoint);
        using (var stream = File.Create(expected))
            SafeTensors.Write(stream, [("images", [Images, 3, Size, Size], images), ("logits", [Images, Classes], logits)], new Dictionary<string, string>());

        var result = Shell.Run(TorchFactAttribute.Python, [Path.Combine(AppContext.BaseDirectory, "Fixtures", "load_in_torch.py"), checkpoint, expected]);
        output.WriteLine(result.Output + result.Error);
        Assert.Equal(0, result.ExitCode);
    }

    /// <summary>A fact that needs the system's Python with torch and torchvision.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    private sealed class TorchFactAttribute : FactAttribute
    {
        public const string Python = "/usr/bin/python3";

        public TorchFactAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
            : base(file, line)
        {
            const string Finds = "import importlib.util as u, sys; sys.exit(not (u.find_spec('torch') and u.find_spec('torchvision')))";
            if (!File.Exists(Python) || Shell.Run(Python, ["-c", Finds]).ExitCode != 0)
                Skip = $"{Python} has no torch and torchvision (Debian: python3-torch, python3-torchvision).";
        }
    }
}
