namespace Riffle.Formats;

/// <summary>
/// A whole model as <c>torch.save(model)</c> writes it: objects of Python classes, which are not made here. Their weights lie in dictionaries that every module
/// has, and are named as <c>model.state_dict()</c> names them. torch/nn/modules/module.py.
/// </summary>
internal static class TorchModule
{
    /// <summary>The tensors of a model by name; null where an object is no model.</summary>
    public static PickledDictionary? StateDict(object? value, TorchBudget budget)
    {
        if (!IsModule(value))
            return null;
        var tensors = new PickledDictionary();
        var stack = new Stack<(string Prefix, PickledDictionary Attributes)>();
        Push("", value);
        while (stack.TryPop(out var module))
        {
            var (prefix, attributes) = module;
            var temporary = Names(attributes["_non_persistent_buffers_set"]);
            foreach (var (name, tensor) in Entries(attributes, "_parameters"))
                Add(prefix + name, tensor);
            foreach (var (name, tensor) in Entries(attributes, "_buffers").Where(entry => !temporary.Contains(entry.Name)))
                Add(prefix + name, tensor);
            foreach (var (name, child) in Entries(attributes, "_modules").Reverse())
                Push($"{prefix}{name}.", child);
        }

        return tensors;

        void Push(string prefix, object? child)
        {
            if (child is PickledObject { State: PickledDictionary attributes })
            {
                // A module may occur in many places, even in itself, and each place has its own name.
                budget.Spend(prefix.Length + attributes.Items.Count + 1);
                stack.Push((prefix, attributes));
            }
        }

        void Add(string name, object? tensor)
        {
            budget.Spend(name.Length);
            if (tensor is not null)
                tensors.Add(name, tensor);
        }

        IEnumerable<(string Name, object? Value)> Entries(PickledDictionary attributes, string attribute)
        {
            var entries = attributes[attribute] as PickledDictionary ?? new();
            budget.Spend(entries.Items.Count);
            return entries.Items.Where(entry => entry.Key is string).Select(entry => ((string)entry.Key!, entry.Value));
        }

        HashSet<string> Names(object? set)
        {
            var names = set as List<object?> ?? [];
            budget.Spend(names.Count);
            return [.. names.OfType<string>()];
        }
    }

    private static bool IsModule(object? value) =>
        value is PickledObject { State: PickledDictionary attributes }
        && attributes["_parameters"] is PickledDictionary && attributes["_buffers"] is PickledDictionary && attributes["_modules"] is PickledDictionary;
}
