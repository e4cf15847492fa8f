using System.Globalization;
using Riffle.Execution;

namespace Riffle.Cli;

/// <summary>An execution plan as a table, a line for each step.</summary>
internal static class PlanTable
{
    public static void Write(ExecutionPlan plan, TextWriter output)
    {
        var (isTraining, isShared) = (plan.Kind == PlanKind.Training, plan.Threads > 1);
        var table = new TextTable(
        [
            ">Step", "Layer", "Kernel", ">Reads", ">Output", "Layout", "Epilogue", .. (string[])(isTraining ? ["Deferred"] : []), ">At", ">Bytes",
            .. (string[])(isShared ? [">Stage", ">Threads", ">Largest share"] : []),
        ]);
        var writers = new Dictionary<PlanValue, string>();
        void Add(string step, string layer, string kernel, IEnumerable<PlanValue> inputs, PlanValue value, string epilogue, string deferred, PlanCut? cut)
        {
            table.Add(
            [
                step, layer, kernel, string.Join(", ", inputs.Select(input => writers[input])), value.Shape.ToString(), Text(value.Layout), epilogue,
                .. (string[])(isTraining ? [deferred] : []), Number(value.Offset), Number(value.Bytes),
                .. (string[])(!isShared ? [] : cut is null ? ["", "", ""] : [Number(cut.Stage), Number(cut.Threads), Percent(cut.LargestShare)]),
            ]);
            writers[value] = step;
        }

        Add("in", plan.Images.Layer, "", [], plan.Images, "", "", null);
        foreach (var (index, step) in plan.Steps.Index())
            Add(Number(index), step.Layer, step.Kernel, step.Inputs, step.Output, step.Epilogue, step.Deferred, step.Cut);

        var of = plan.Kind == PlanKind.Image ? "one image" : "sixteen images";
        output.WriteLine($"The steps of {Purpose(plan.Kind)}:");
        output.WriteLine();
        table.Write(output);
        output.WriteLine();
        output.WriteLine($"Activations of {of} take {Number(plan.Bytes)} bytes"
            + (plan.GradientBytes == 0 ? "; values share memory as soon as they can." : $", their gradients {Number(plan.GradientBytes)}."));
        output.WriteLine("An epilogue runs before a value is written." + (isTraining ? " What is deferred runs each time the value is read." : ""));
        if (isShared && isTraining)
        {
            output.WriteLine($"{Number(plan.Threads)} threads have work in a batch of 128: they share its blocks of sixteen images, then the channels of each step. By the "
                + $"largest shares they are {plan.SpeedUp.ToString("0.00", CultureInfo.InvariantCulture)} times as fast as one.");
        }
        else if (isShared)
        {
            output.WriteLine($"Threads share the channels of each step's output and meet between stages. {Number(plan.Threads)} threads are worth it; by the "
                + $"largest shares they are {plan.SpeedUp.ToString("0.00", CultureInfo.InvariantCulture)} times as fast as one.");
        }

        output.WriteLine("Layouts: NCHW, planes of one image; nChw16c, sixteen channels of one image side by side; CHWn16, sixteen images side by side.");
    }

    private static string Purpose(PlanKind kind) => kind switch
    {
        PlanKind.Image => "inference of one image",
        PlanKind.Batch => "inference of sixteen images at once",
        _ => "training",
    };

    private static string Text(Layout layout) => layout switch
    {
        Layout.Planes => "NCHW",
        Layout.ChannelsInLanes => "nChw16c",
        _ => "CHWn16",
    };

    private static string Percent(double share) => (100 * share).ToString("0.0", CultureInfo.InvariantCulture) + " %";

    private static string Number(long value) => value.ToString("#,0", CultureInfo.InvariantCulture);
}
