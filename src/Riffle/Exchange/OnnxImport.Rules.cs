using Riffle.Formats.Onnx;
using Riffle.Networks;

namespace Riffle.Exchange;

/// <content>
/// How each node is read. Operators read their own (<see cref="OnnxRules"/>); here is what is about the graph and no operator: names and arrangements of values,
/// arithmetic with constants, and what a graph makes of the logits.
/// </content>
internal sealed partial class OnnxImport
{
    private const Deferred AnyAxes = Deferred.Mean | Deferred.Ending;

    private static readonly Dictionary<string, Rule> Rules = new()
    {
        ["Identity"] = Gives((import, node) => import.FeaturesOf(node, 0), AnyAxes | Deferred.Clamp | Deferred.Padding),
        ["Dropout"] = Gives((import, node) => import.Dropout(node), AnyAxes | Deferred.Clamp | Deferred.Padding),
        ["Cast"] = Gives((import, node) => import.Cast(node), AnyAxes | Deferred.Clamp),
        ["Shape"] = new((import, node) => import._constants[node.Node.Outputs[0]] = OnnxTensor.Of("", import.ShapeOf(node)), AnyAxes | Deferred.Clamp),
        ["Reshape"] = Gives((import, node) => import.Reshaped(node, import.Target(node)), AnyAxes),
        ["Flatten"] = Gives((import, node) => import.Reshaped(node, Shapes.Flatten(node, import.FeaturesOf(node, 0).Shape)), AnyAxes),
        ["Squeeze"] = Gives((import, node) => import.Reshaped(node, Shapes.Squeeze(node, import.FeaturesOf(node, 0).Shape)), AnyAxes),
        ["Unsqueeze"] = Gives((import, node) => import.Reshaped(node, Shapes.Squeeze(node, import.FeaturesOf(node, 0).Shape)), AnyAxes),
        ["Transpose"] = Gives((import, node) => import.Transposed(node), AnyAxes),
        ["Slice"] = Gives((import, node) => import.Sliced(node)),
        ["Split"] = new((import, node) => import.Split(node)),
        ["Gather"] = Gives((import, node) => import.Gather(node)),
        ["Concat"] = Gives((import, node) => import.Concat(node)),
        ["Pad"] = Gives((import, node) => import.Pad(node), Deferred.Padding),
        ["Neg"] = Gives((import, node) => import.Negate(node)),
        ["Softmax"] = Gives((import, node) => import.Classes(node, Ending.Softmax)),
        ["LogSoftmax"] = Gives((import, node) => import.Classes(node, Ending.LogSoftmax)),
        ["Sigmoid"] = Gives((import, node) => import.Classes(node, Ending.Sigmoid)),
        ["Exp"] = Gives((import, node) => import.Exponential(node), Deferred.Ending),
    };

    /// <summary>Nodes of two inputs one of which is a constant.</summary>
    private static readonly Dictionary<string, Rule> WithConstants = new()
    {
        ["Add"] = Gives((import, node) => import.WithConstant(node)),
        ["Sub"] = Gives((import, node) => import.WithConstant(node)),
        ["Mul"] = Gives((import, node) => import.WithConstant(node), Deferred.Mean),
        ["Div"] = Gives((import, node) => import.WithConstant(node), Deferred.Mean),
    };

    /// <summary>The end of the graph, which reads as a node does.</summary>
    private static readonly Rule Output = new((_, _) => { }, Deferred.Ending);

    static OnnxImport()
    {
        foreach (var rule in OnnxRules.All)
            Rules.Add(rule.Operator, new((_, node) => rule.Read(node), rule.Takes));
    }

    private static bool IsKnown(string name) => Rules.ContainsKey(name) || WithConstants.ContainsKey(name) || ConstantFolding.Operators.Contains(name);

    private static Rule Gives(Func<OnnxImport, GraphNode, Features> read, Deferred takes = Deferred.None) =>
        new((import, node) => import._features[node.Node.Outputs[0]] = read(import, node), takes);

    /// <summary>The rule by which a node that works on computed values is read; null where there is none.</summary>
    private Rule? RuleOf(OnnxNode node) => node.Inputs.Length == 2 && node.Inputs.Any(_constants.ContainsKey) && WithConstants.TryGetValue(node.Operator, out var rule)
        ? rule
        : Rules.GetValueOrDefault(node.Operator);

    /// <summary>How a node is read.</summary>
    /// <param name="Read">Reads it: what it gives is kept under the names of its outputs.</param>
    /// <param name="Takes">What may still be pending on what it reads.</param>
    private sealed record Rule(Action<OnnxImport, GraphNode> Read, Deferred Takes = Deferred.None);
}
