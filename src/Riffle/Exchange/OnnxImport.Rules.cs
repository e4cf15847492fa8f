using Riffle.Formats.Onnx;
using Riffle.Networks;

namespace Riffle.Exchange;

/// <content>
/// How each node is read. Operators read their own (<see cref="OnnxRules"/>); here is what is about the graph and no operator: names and arrangements of values,
/// arithmetic with constants, and what a graph makes of the logits.
/// </content>
internal sealed partial class OnnxImport
{
    /// <summary>What a node may leave deferred that gives the values which it reads, on the same axes or on others.</summary>
    private const Deferred AnyAxes = Deferred.Function | Deferred.Mean | Deferred.Ending;

    private static readonly ILookup<string, Rule> Rules = AllRules().ToLookup(rule => rule.Operator);

    /// <summary>The end of the graph, which reads as a node does.</summary>
    private static readonly Rule AtEnd = new("output", (_, _) => { }, Deferred.Ending);

    private static bool IsKnown(string name) => Rules.Contains(name) || ConstantFolding.Operators.Contains(name);

    private static IEnumerable<Rule> AllRules() =>
    [
        Gives("Identity", (import, node) => import.FeaturesOf(node, 0), AnyAxes | Deferred.Padding),
        Gives("Dropout", (import, node) => import.Dropout(node), AnyAxes | Deferred.Padding),
        Gives("Cast", (import, node) => import.Cast(node), AnyAxes),
        new("Shape", (import, node) => import._constants[node.Node.Outputs[0]] = OnnxTensor.Of("", import.ShapeOf(node)), AnyAxes),
        Gives("Reshape", (import, node) => import.Reshaped(node, import.Target(node)), AnyAxes),
        Gives("Flatten", (import, node) => import.Reshaped(node, Shapes.Flatten(node, import.FeaturesOf(node, 0).Shape)), AnyAxes),
        Gives("Squeeze", (import, node) => import.Reshaped(node, Shapes.Squeeze(node, import.FeaturesOf(node, 0).Shape)), AnyAxes),
        Gives("Unsqueeze", (import, node) => import.Reshaped(node, Shapes.Squeeze(node, import.FeaturesOf(node, 0).Shape)), AnyAxes),
        Gives("Transpose", (import, node) => import.Transposed(node), AnyAxes),
        Gives("Slice", (import, node) => import.Sliced(node)),
        new("Split", (import, node) => import.Split(node)),
        Gives("Gather", (import, node) => import.Gather(node)),
        Gives("Concat", (import, node) => import.Concat(node)),
        Gives("Pad", (import, node) => import.Pad(node), Deferred.Padding),
        Gives("Neg", (import, node) => import.Transform(node, 0, import.FeaturesOf(node, 0), new(-1, 0, node)), Deferred.Function | Deferred.Mean),
        .. ((string[])["Add", "Sub", "Mul", "Div"]).SelectMany(operation => (Rule[])
        [
            Gives(
                operation, (import, node) => import.WithNumber(node), Deferred.Function | Deferred.Mean,
                (import, node) => import.ConstantOf(node) is var place and >= 0 && node.Constant(place)!.Count == 1),
            Gives(operation, (import, node) => import.WithChannels(node), when: (import, node) => import.ConstantOf(node) >= 0),
        ]),
        Gives("Softmax", (import, node) => import.Classes(node, Ending.Softmax)),
        Gives("LogSoftmax", (import, node) => import.Classes(node, Ending.LogSoftmax)),
        Gives("Exp", (import, node) => import.Exponential(node), Deferred.Ending),
        .. OnnxRules.All.Select(rule => new Rule(rule.Operator, (_, node) => rule.Read(node), rule.Takes, (_, node) => rule.When?.Invoke(node) ?? true)),
    ];

    /// <summary>A rule for nodes that give one value.</summary>
    private static Rule Gives(
        string operation, Func<OnnxImport, GraphNode, Features> read, Deferred takes = Deferred.None, Func<OnnxImport, GraphNode, bool>? when = null) =>
        new(operation, (import, node) => import._features[node.Node.Outputs[0]] = read(import, node), takes, when);

    /// <summary>How nodes of an operator are read.</summary>
    /// <param name="Operator">Its name.</param>
    /// <param name="Read">Reads a node: what it gives is kept under the names of its outputs.</param>
    /// <param name="Takes">What may still be deferred on what it reads.</param>
    /// <param name="When">Whether it is for a node; of several rules the first is taken.</param>
    private sealed record Rule(
        string Operator, Action<OnnxImport, GraphNode> Read, Deferred Takes = Deferred.None, Func<OnnxImport, GraphNode, bool>? When = null);
}
