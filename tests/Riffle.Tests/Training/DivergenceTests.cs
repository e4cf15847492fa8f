using Riffle.Evaluation;
using Riffle.Execution;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Training;

namespace Riffle.Tests.Training;

/// <summary>Numbers that overflow stop a training, which says where, and never take the place of good ones.</summary>
public sealed class DivergenceTests : IDisposable
{
    private readonly TinyDataset _data = new();

    private string Last => Path.Combine(_data.Run("run"), "checkpoints", "last.safetensors");

    public void Dispose() => _data.Dispose();

    [Fact]
    public void An_absurd_learning_rate_stops_with_step_rate_layer_and_advice_and_keeps_the_good_checkpoint()
    {
        var recipe = TinyDataset.Recipe() with { Schedule = new() { Kind = ScheduleKind.Constant, LearningRate = 1e30 } };
        byte[] before;
        using (var trainer = Trainer.Start(_data.Open(), _data.Spec(), recipe, _data.Run("run"), new() { Seed = 3, Threads = 1 }))
        {
            before = File.ReadAllBytes(Last);
            var message = Error.OnCommandLine(Assert.Throws<RiffleException>(() => trainer.Run()));

            // The first update makes weights of some 1e30; the first convolution's outputs are that large, and the squares batch norm sums up overflow.
            Error.Names(message, "loss", "epoch 1, step 2", "learning rate 1E+30", "conv1.1:", "conv1.1.running_var", "--learning-rate", Last);
        }

        Assert.Equal(before, File.ReadAllBytes(Last));
        Assert.Null(NonFinite.FirstWeight(Checkpoint.Load(_data.Run("run")).Weights));
    }

    /// <summary>A weight of each kind in layers at either end and in the middle, and whichever value it is.</summary>
    [Theory]
    [InlineData("conv1.0.weight", float.NaN)]
    [InlineData("stage3.0.branch2.1.bias", float.PositiveInfinity)]
    [InlineData("stage4.0.branch2.5.weight", float.NegativeInfinity)]
    [InlineData("fc.weight", float.NaN)]
    public void A_poisoned_weight_is_named(string parameter, float poison)
    {
        var message = Poisoned((weights, _) => weights[parameter][1] = poison);
        Error.Names(message, "epoch 1, step 1,", $"{parameter[..parameter.LastIndexOf('.')]}:", parameter, $"{poison}");
    }

    [Fact]
    public void An_output_that_overflows_is_that_of_its_layer()
    {
        // Sums of such weights and of pixels beyond 1 are beyond the floats.
        var message = Poisoned((weights, _) => weights["stage3.0.branch2.3.weight"].Fill(3e38f));
        Error.Names(message, "stage3.0.branch2.3: its output");
    }

    [Fact]
    public void Logits_that_overflow_are_the_classifiers()
    {
        Error.Names(Poisoned((weights, _) => weights["fc.weight"].Fill(3e38f)), "fc: its output");
    }

    /// <summary>The momentum is beyond the floats, which the first update brings into the weights: all is well until then, and in the loss after it.</summary>
    [Fact]
    public void An_update_that_overflows_is_found_in_the_next_step()
    {
        var message = Poisoned((_, state) => Array.Fill(state, float.PositiveInfinity, 0, 5));
        Error.Names(message, "epoch 1, step 2,", "conv1.0: its conv1.0.weight");
    }

    /// <summary>Forward, all values are finite, because batch norm divides by the large ones. Backward, a gradient with respect to weights exceeds the floats.</summary>
    [Fact]
    public void A_gradient_that_overflows_names_its_layer()
    {
        var weights = new Weights(NetworkCatalogue.Build(_data.Spec()));
        Initialisation.Fill(weights, InitialisationKind.He, 1);
        const string Wide = "stage2.0.branch2.1.weight", Narrow = "stage2.0.branch2.3.weight", Behind = "stage2.0.branch2.4.weight";
        weights[Wide].Fill(1e30f);
        foreach (ref var value in weights[Narrow])
            value *= 1e-43f;
        weights[Behind].Fill(1e20f);
        var (images, labels) = Execution.TrainingPlanTests.Batch(weights.Network, 40);
        using var plan = new TrainingPlan(weights, 40, 1);
        var loss = plan.Step(images, labels).Loss;
        Assert.True(double.IsFinite(loss));
        Assert.Null(plan.FirstNonFiniteActivation());

        var found = NonFinite.FirstOf(weights, plan.Gradients, "the gradient with respect to");
        Assert.Equal(("stage2.0.branch2.3", $"the gradient with respect to {Narrow}"), (found?.Layer.Name, found?.What));
    }

    [Fact]
    public void Weights_that_go_wrong_where_no_loss_tells_do_not_get_into_a_checkpoint()
    {
        // Adam divides by the root of this: the weight would never move again, and no loss would tell.
        var message = Poisoned((_, state) => state[7] = float.PositiveInfinity, OptimiserKind.Adam, stateName: "variance");
        Error.Names(message, "optimiser", "variance of conv1.0.weight");
    }

    [Fact]
    public void A_validation_loss_that_is_no_number_names_the_layer()
    {
        Train();
        var checkpoint = Checkpoint.Load(_data.Run("run"));
        using var evaluator = new Evaluator(checkpoint.Weights, checkpoint.Normalisation, checkpoint.Classes, _data.Open(), threads: 1);
        Assert.True(double.IsFinite(evaluator.Run().Loss));
        Assert.Null(evaluator.NonFinite);
        checkpoint.Weights["stage3.0.branch2.4.weight"].Fill(3e38f);
        Assert.False(double.IsFinite(evaluator.Run().Loss));
        Assert.StartsWith("stage3.0.branch2", evaluator.NonFinite?.Layer.Name);
    }

    /// <summary>Alone and among sixteen, on large planes and on small: an inference has its values in one of three forms.</summary>
    [Theory]
    [InlineData(1, 56)]
    [InlineData(20, 56)]
    [InlineData(1, 24)]
    public void Inference_finds_the_layer_in_each_of_its_forms(int images, int size)
    {
        foreach (var (convolution, norm) in new[] { ("stage2.0.branch2.0", 1), ("stage3.0.branch2.3", 4), ("stage3.1.branch2.5", 6) })
        {
            var spec = NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.25", imageSize: size, classes: 5, units: [1, 2, 1]);
            var weights = new Weights(NetworkCatalogue.Build(spec));
            Initialisation.Fill(weights, InitialisationKind.He, 1);
            using var plan = new InferencePlan(weights, images, 1);
            var pixels = new byte[images * weights.Network.Input.Elements];
            new Random(3).NextBytes(pixels);
            Assert.Null(plan.FirstNonFinite(pixels, images, Normalisation.ImageNet));
            weights[convolution + ".weight"].Fill(3e38f);
            plan.Refresh();

            // Batch norm is folded into the convolution, so what it gives is batch norm's.
            Assert.Equal(convolution[..^1] + norm, plan.FirstNonFinite(pixels, images, Normalisation.ImageNet)?.Layer.Name);
        }
    }

    [Fact]
    public void A_checkpoint_whose_weights_are_no_numbers_is_refused_naming_file_and_layer()
    {
        Train();
        var checkpoint = Checkpoint.Load(_data.Run("run"));
        checkpoint.Weights["stage4.0.branch2.1.running_mean"][0] = float.NaN;
        checkpoint.Save(Path.Combine(_data.Run("run"), "checkpoints", "best.safetensors"));
        var message = Assert.Throws<BadDataException>(() => Checkpoint.Load(_data.Run("run"))).Message;
        Error.Names(message, "best.safetensors: ", "layer stage4.0.branch2.1:", "stage4.0.branch2.1.running_mean", "NaN");
    }

    [Fact]
    public void Finite_weights_that_give_no_number_are_told_by_evaluation_and_prediction()
    {
        Train();
        var checkpoint = Checkpoint.Load(_data.Run("run"));
        checkpoint.Weights["fc.weight"].Fill(3e38f);
        Error.Names(Assert.Throws<RiffleException>(() => Evaluator.Evaluate(checkpoint, _data.Open())).Message, checkpoint.Name, "layer fc ");
        using var classifier = new Classifier(checkpoint);
        Error.Names(Assert.Throws<RiffleException>(() => classifier.Classify(TinyDataset.Jpeg(1), "a.jpg")).Message, "a.jpg: ", "layer fc ");
    }

    private void Train()
    {
        using var trainer = Trainer.Start(_data.Open(), _data.Spec(), TinyDataset.Recipe(epochs: 1), _data.Run("run"), new() { Seed = 3, Threads = 1 });
        Assert.True(trainer.Run().Completed);
    }

    /// <summary>What a training says that goes on from a checkpoint with spoilt weights or optimiser state; it leaves that checkpoint alone.</summary>
    private string Poisoned(Action<Weights, float[]> spoil, OptimiserKind optimiser = OptimiserKind.Nesterov, string stateName = "momentum")
    {
        Trainer.Start(_data.Open(), _data.Spec(), TinyDataset.Recipe(optimiser), _data.Run("run"), new() { Seed = 3, Threads = 1 }).Dispose();
        var checkpoint = Checkpoint.Read(Last);
        spoil(checkpoint.Weights, checkpoint.OptimiserState.Single(state => state.Name == stateName).Values);
        checkpoint.Save(Last);
        var before = File.ReadAllBytes(Last);
        using var trainer = Trainer.Resume(_data.Run("run"), ImageCodec.Default, threads: 1);
        var message = Error.OnCommandLine(Assert.Throws<RiffleException>(() => trainer.Run()));
        Assert.Equal(before, File.ReadAllBytes(Last));
        return message;
    }
}
