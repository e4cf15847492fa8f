using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Execution;
using Riffle.Networks;
using Riffle.Tests.Formats;
using Riffle.Tests.Training;

namespace Riffle.Tests.Exchange;

/// <summary>What a graph ends with: logits, probabilities, their logarithms, one number. No softmax is taken twice, and none of one number.</summary>
public sealed class OnnxEndingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void One_number_is_two_classes_by_its_sigmoid(bool hasSigmoid)
    {
        var file = Write(1, (g, y) => hasSigmoid ? g.Node("Reshape", [g.Node("Sigmoid", [y]), g.Integers(-1)]) : y);
        DatasetClass[] classes = [new("dog", ""), new("cat", "")];
        var model = Model.Open(file, new(classes));
        var note = Assert.Single(model.Notes);
        Error.Names(note, file, "class cat", "class dog");
        Assert.Equal(["0", "1"], Model.Open(file).Classes.Select(c => c.Name));

        // The same weights as the graph's, with their one number.
        var logits = new float[2];
        using var plan = new InferencePlan(model.Weights, 1, 1);
        using var classifier = new Classifier(model);
        var pixels = new byte[GraphFile.Side * GraphFile.Side * 3];
        new Random(1).NextBytes(pixels);
        plan.Run(pixels, 1, model.Normalisation, logits);
        Assert.Equal(0, logits[0]);
        Assert.NotEqual(0, logits[1]);
        var scores = new float[2];
        classifier.Score(pixels, scores);
        Assert.Equal(1 / (1 + Math.Exp(-logits[1])), scores[1], 1e-6);
        Assert.Equal(1, scores[0] + scores[1], 1e-6);
    }

    [Fact]
    public void A_number_is_evaluated_on_a_data_set_of_two_classes()
    {
        using var data = new TinyDataset(train: 4, validation: 8, classes: 2);
        var names = data.Open().Info.Classes;
        var file = Write(1, (_, y) => y);
        var one = Evaluator.Evaluate(Model.Open(file, new([.. names])), data.Open());
        var other = Evaluator.Evaluate(Model.Open(file, new([.. names.Reverse()])), data.Open());
        Assert.Equal(100, one.Top1 + other.Top1, 1e-9);
        Assert.True(double.IsFinite(one.Loss) && one.Loss > 0);
    }

    [Fact]
    public void One_number_needs_two_names()
    {
        var file = Write(1, (_, y) => y);
        var message = Assert.Throws<ArgumentException>(() => Model.Open(file, new([new("cat", "")]))).Message;
        Error.Names(message, file, "2 classes", "1 class");
    }

    [Theory]
    [InlineData("Softmax")]
    [InlineData("LogSoftmax")]
    [InlineData("LogSoftmax, Exp")]
    public void Probabilities_at_the_end_are_taken_as_they_are(string ending)
    {
        var plain = Model.Open(Write(4, (_, y) => y));
        var ended = Model.Open(Write(4, (g, y) => ending.Split(", ").Aggregate(y, (x, operation) => g.Node(operation, [x]))));
        using var expected = new Classifier(plain);
        using var actual = new Classifier(ended);
        var pixels = new byte[GraphFile.Side * GraphFile.Side * 3];
        new Random(1).NextBytes(pixels);
        float[] a = new float[4], b = new float[4];
        expected.Score(pixels, a);
        actual.Score(pixels, b);
        Assert.Equal(a, b);
        Assert.Empty(ended.Notes);
    }

    /// <summary>Labels of their own, a softmax that is always 1, a second softmax, a sigmoid in the middle.</summary>
    [Theory]
    [InlineData(5, "Sigmoid", "Sigmoid")]
    [InlineData(2, "Sigmoid", "Sigmoid")]
    [InlineData(1, "Softmax", "Softmax")]
    [InlineData(1, "LogSoftmax", "LogSoftmax")]
    [InlineData(4, "Softmax, Softmax", "Softmax")]
    [InlineData(4, "Softmax, Sigmoid", "Sigmoid")]
    [InlineData(1, "Sigmoid, Neg", "Sigmoid")]
    [InlineData(4, "HardSigmoid", "HardSigmoid")]
    [InlineData(1, "Sigmoid, Relu", "Sigmoid")]
    [InlineData(4, "Exp", "Exp")]
    public void Other_endings_are_refused_with_their_node(int classes, string ending, string named)
    {
        var file = Write(classes, (g, y) => ending.Split(", ").Aggregate(y, (x, operation) => g.Node(operation, [x])));
        var message = Assert.Throws<RiffleException>(() => Model.Open(file)).Message;
        Assert.Contains($"({named})", message);
        Assert.StartsWith(file, message);
    }

    [Fact]
    public void A_model_of_one_class_is_no_classifier()
    {
        var builder = new Riffle.Networks.NetworkBuilder();
        builder.FullyConnected("fc", builder.GlobalAveragePool(builder.Convolution("stem", builder.Input(16, 16), 4, 3)), 1);
        var model = new Model(new(builder.Build("one")), [new("only", "")], Normalisation.ImageNet);
        Assert.StartsWith("one: ", Assert.Throws<RiffleException>(() => new Classifier(model)).Message);
    }

    private string Write(int classes, Func<GraphFile, string, string> end)
    {
        var graph = new GraphFile(_folder);
        return graph.Write(end(graph, graph.Head(graph.Node("Relu", [graph.Stem("images")]), classes)));
    }
}
