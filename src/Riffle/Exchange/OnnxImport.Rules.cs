using Riffle.Formats.Onnx;
using Riffle.Networks;

namespace Riffle.Exchange;

/// <content>
/// How each node is read. Operators have rules of their own (<see cref="OnnxRules"/>). The rules here belong to no operator: they name and rearrange values, do
/// arithmetic with constants, and turn logits into probabilities.
/// </content>
internal sealed partial class OnnxImport
{
    /// <summary>What a node may leave deferred if it outputs the values of its input, on the same axes or on others.</summary>
    private const Deferred AnyAxes = Deferred.Function | Deferred.Mean | Deferred.Ending;

    private static readonly ILookup<string, Rule> Rules = AllRules().ToLookup(rule => rule.Operator);

    /// <summary>The output of the graph, which is read like a node.</summary>
    private static readonly Rule AtEnd = new("output", (_, _) => { }, Deferred.Ending);

    private static bool IsKnown(string name) => Rules.Contains(name) || ConstantFolding.Operators.Contains(name);

    private static IEnumerable<Rule> AllRules() =>
    [
        Returns("Identity", (import, node) => import.FeaturesOf(node, 0), AnyAxes | Deferred.Padding),
        Returns("Dropout", (import, node) => import.Dropout(node), AnyAxes | Deferred.Padding),
        Returns("Cast", (import, node) => import.Cast(node), AnyAxes),
        new("Shape", (import, node) => import._constants[node.Node.Outputs[0]] = OnnxTensor.Of("", import.ShapeOf(node)), AnyAxes),
        Returns("Reshape", (import, node) => import.Reshaped(node, import.Target(node)), AnyAxes),
        Returns("Flatten", (import, node) => import.Reshaped(node, Shapes.Flatten(node, import.FeaturesOf(node, 0).Shape)), AnyAxes),
        Returns("Squeeze", (import, node) => import.Reshaped(node, Shapes.Squeeze(node, import.FeaturesOf(node, 0).Shape)), AnyAxes),
        Returns("Unsqueeze", (import, node) => import.Reshaped(node, Shapes.Squeeze(node, import.FeaturesOf(node, 0).Shape)), AnyAxes),
        Returns("Transpose", (import, node) => import.Transposed(node), AnyAxes),
        Returns("Slice", (import, node) => import.Sliced(node)),
        new("Split", (import, node) => import.Split(node)),
        Returns("Gather", (import, node) => import.Gather(node)),
        Returns("Concat", (import, node) => import.Concat(node)),
        Returns("Pad", (import, node) => import.Pad(node), Deferred.Padding),
        Returns("Neg", (import, node) => import.Transform(node, 0, import.FeaturesOf(node, 0), new(-1, 0, node)), Deferred.Function | Deferred.Mean),
        .. ((string[])["Add", "Sub", "Mul", "Div"]).SelectMany(operation => (Rule[])
        [
            Returns(
                operation, (import, node) => import.WithNumber(node), Deferred.Function | Deferred.Mean,
                (import, node) => import.ConstantOf(node) is var place and >= 0 && node.Constant(place)!.Count == 1),
            Returns(operation, (import, node) => import.WithChannels(node), when: (import, node) => import.ConstantOf(node) >= 0),
        ]),
        Returns("Softmax", (import, node) => import.Classes(node, Ending.Softmax)),
        Returns("LogSoftmax", (import, node) => import.Classes(node, Ending.LogSoftmax)),
        Returns("Exp", (import, node) => import.Exponential(node), Deferred.Ending),
        .. OnnxRules.All.Select(rule => new Rule(rule.Operator, (_, node) => rule.Read(node), rule.Accepts, (_, node) => rule.When?.Invoke(node) ?? true)),
    ];

    /// <summary>A rule for nodes with one output.</summary>
    private static Rule Returns(
        string operation, Func<OnnxImport, GraphNode, Features> read, Deferred takes = Deferred.None, Func<OnnxImport, GraphNode, bool>? when = null) =>
        new(operation, (import, node) => import._features[node.Node.Outputs[0]] = read(import, node), takes, when);

    /// <summary>How nodes of an operator are read.</summary>
    /// <param name="Operator">Its name.</param>
    /// <param name="Read">Reads a node and stores its outputs under their names.</param>
    /// <param name="Accepts">What may still be deferred on the node's inputs.</param>
    /// <param name="When">Whether the rule applies to a node. The first that applies is used.</param>
    private sealed record Rule(
        string Operator, Action<OnnxImport, GraphNode> Read, Deferred Accepts = Deferred.None, Func<OnnxImport, GraphNode, bool>? When = null);
}
