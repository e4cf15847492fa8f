using System.Text.Json;
using Riffle.Formats;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Study.Documents;

namespace Riffle.Study;

/// <summary>The folder of a reproduction: where its files are, and what they tell.</summary>
/// <remarks>
/// <c>runs/MODEL</c> are run folders, which nothing needs once they are done; <c>models/MODEL.safetensors</c> are the networks that are done, with their whole
/// history, <c>models/MODEL.json</c> notes on how they came about and <c>models/MODEL.md</c> their cards; <c>latency/MODEL.json</c> is what was measured. The
/// report and its <c>charts/</c> are made from these.
/// </remarks>
internal sealed class ReproductionFolder(string path)
{
    public string Html => Path.Combine(path, "report.html");

    public string Markdown => Path.Combine(path, "report.md");

    /// <summary>The run folder of a network.</summary>
    public string RunOf(string model) => Path.Combine(path, "runs", model);

    /// <summary>Where the best weights of its run are, once an epoch of it has ended.</summary>
    public string BestOf(string model) => Path.Combine(RunOf(model), "checkpoints", "best.safetensors");

    /// <summary>Where the best weights of a network are, once it is done.</summary>
    public string ModelOf(string model) => Path.Combine(Models, model + ".safetensors");

    /// <summary>Where its card is.</summary>
    public string CardOf(string model) => Path.Combine(Models, model + ".md");

    /// <summary>Makes the folder where there is none.</summary>
    public void Create()
    {
        try
        {
            Directory.CreateDirectory(Models);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RiffleException($"{path}: the folder can't be made: {e.Message} Give another --out.", e);
        }
    }

    /// <summary>What there is of a network.</summary>
    /// <exception cref="BadDataException">A checkpoint or a note is damaged.</exception>
    public Row Read(string model) => new(
        model,
        StudyFigures.Of(model)!,
        Complexity.Of(NetworkCatalogue.Build(NetworkCatalogue.Resolve(model))),
        ReadJson<Latency>(LatencyOf(model)),
        ReadRun(model));

    /// <summary>The training of a network as its last checkpoint or, once it is done, its model has it; null where none has begun.</summary>
    public Run? ReadRun(string model)
    {
        var last = Path.Combine(RunOf(model), "checkpoints", "last.safetensors");
        var file = File.Exists(last) ? last : ModelOf(model);
        if (!File.Exists(file))
            return null;
        var checkpoint = Checkpoint.Load(file);
        var training = checkpoint.Training ?? throw new BadDataException($"{file}: tells nothing of a training; move it away");
        return new(file == last ? RunOf(model) : file, checkpoint.Spec, training, ReadNotes(model));
    }

    /// <summary>Writes the network that a run has ended with: its best weights with the whole history.</summary>
    public Checkpoint WriteModel(string model)
    {
        if (!Directory.Exists(RunOf(model)))
            return Checkpoint.Load(ModelOf(model));
        var (best, whole) = (Checkpoint.Load(RunOf(model)), Checkpoint.Load(Path.Combine(RunOf(model), "checkpoints", "last.safetensors")));
        var checkpoint = new Checkpoint(best.Spec, best.Weights, best.Classes, best.Normalisation, whole.Training);
        checkpoint.Save(ModelOf(model));
        return checkpoint;
    }

    public RunNotes ReadNotes(string model) => ReadJson<RunNotes>(NotesOf(model)) ?? RunNotes.None;

    /// <summary>The notes beside a model, which may be of another folder; null where there are none.</summary>
    public static RunNotes? NotesBeside(string model) => ReadJson<RunNotes>(Path.ChangeExtension(model, ".json"));

    public void Write(string model, RunNotes notes) => WriteJson(NotesOf(model), notes);

    public void Write(string model, Latency latency)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(LatencyOf(model))!);
        WriteJson(LatencyOf(model), latency);
    }

    /// <summary>Writes a chart of the report.</summary>
    public void Write(Chart chart)
    {
        var file = Path.Combine(path, chart.File);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        AtomicFile.WriteText(file, SvgChart.Picture(chart));
    }

    private string Models => Path.Combine(path, "models");

    private string NotesOf(string model) => Path.Combine(Models, model + ".json");

    private string LatencyOf(string model) => Path.Combine(path, "latency", model + ".json");

    private static void WriteJson<T>(string file, T value) => AtomicFile.WriteText(file, JsonSerializer.Serialize(value, ModelJson.Indented) + "\n");

    private static T? ReadJson<T>(string file)
        where T : class
    {
        if (!File.Exists(file))
            return null;
        try
        {
            return JsonSerializer.Deserialize<T>(File.ReadAllBytes(file), ModelJson.Indented) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            throw new BadDataException($"{file}: damaged: {e.Message} Delete it: what can be measured again will be.", e);
        }
    }
}
