using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Riffle.Formats;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Reports.Documents;

namespace Riffle.Study;

/// <summary>The folder of a reproduction, and access to its files.</summary>
/// <remarks>
/// <c>runs/MODEL</c> are run folders, which are no longer needed once they are done. <c>models/MODEL.safetensors</c> are the finished networks with their whole
/// history, <c>models/MODEL.json</c> are notes on their training, and <c>models/MODEL.md</c> are their cards. <c>latency/MODEL.json</c> are measurements. The
/// report and its <c>charts/</c> are made from these. Teachers are in <c>runs/teachers/</c> and <c>models/teachers/</c>.
/// </remarks>
internal sealed class ReproductionFolder
{
    /// <summary>As checkpoints have it, for the types of the study.</summary>
    public static readonly JsonSerializerOptions Json = new(ModelJson.Indented) { TypeInfoResolver = new DefaultJsonTypeInfoResolver() };

    private readonly string _path, _runs, _models;

    /// <summary>The folder at a path.</summary>
    public ReproductionFolder(string path)
        : this(path, "")
    {
    }

    private ReproductionFolder(string path, string part) =>
        (_path, _runs, _models) = (path, Path.Combine(path, "runs", part), Path.Combine(path, "models", part));

    public string Html => Path.Combine(_path, "report.html");

    public string Markdown => Path.Combine(_path, "report.md");

    /// <summary>The same folder for teachers.</summary>
    public ReproductionFolder OfTeachers => new(_path, "teachers");

    /// <summary>The folder of trainings that differ from a row in their seed.</summary>
    public ReproductionFolder OfSeed(ulong seed) => new(Path.Combine(_path, "seeds", string.Create(CultureInfo.InvariantCulture, $"{seed}")));

    /// <summary>The run folder of a network.</summary>
    public string RunOf(string model) => Path.Combine(_runs, model);

    /// <summary>The file of the best weights of a run; exists after the first epoch.</summary>
    public string BestOf(string model) => Path.Combine(RunOf(model), "checkpoints", "best.safetensors");

    /// <summary>The file of a finished network.</summary>
    public string ModelOf(string model) => Path.Combine(_models, model + ".safetensors");

    /// <summary>The soft labels of the first steps, with which these can be verified without making all soft labels.</summary>
    public string FirstSoftLabels => OfTeachers.ModelOf("first-soft-labels");

    /// <summary>The file of its card.</summary>
    public string CardOf(string model) => Path.Combine(_models, model + ".md");

    /// <summary>Creates the folder if it does not exist.</summary>
    public void Create()
    {
        try
        {
            Directory.CreateDirectory(_models);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RiffleException($"{_path}: can't create the folder: {e.Message} Give another folder with --out.", e);
        }
    }

    /// <summary>Everything in the folder about a network.</summary>
    /// <exception cref="BadDataException">A checkpoint or a JSON file is damaged.</exception>
    public Row Read(string model) => new(
        model,
        StudyFigures.Of(model)!,
        Complexity.Of(NetworkCatalogue.Build(NetworkCatalogue.Resolve(model))),
        ReadJson<Latency>(LatencyOf(model)),
        ReadRun(model));

    /// <summary>The training of a network, from its last checkpoint or its finished model; null if it has not started.</summary>
    public Run? ReadRun(string model)
    {
        var last = LastCheckpointOf(model);
        var file = File.Exists(last) ? last : ModelOf(model);
        if (!File.Exists(file))
            return null;
        var checkpoint = Checkpoint.Load(file);
        var training = checkpoint.Training ?? throw new BadDataException($"{file}: the checkpoint has no training record; move it away");
        return file == last
            ? new(RunOf(model), checkpoint.Spec, training with { TakenAfter = LastOf(training) }, ReadNotes(model))
            : new(file, checkpoint.Spec, training, ReadNotes(model));
    }

    /// <summary>Writes the finished network: the weights after its run's last epoch, so that no epoch is chosen by the images that measure it.</summary>
    public void WriteModel(string model)
    {
        if (!Directory.Exists(RunOf(model)))
            return;
        var last = Checkpoint.Load(LastCheckpointOf(model));
        var training = last.Training! with { TakenAfter = LastOf(last.Training!) };
        new Checkpoint(last.Spec, last.Weights, last.Classes, last.Normalisation, training) { Doubt = last.Doubt }.Save(ModelOf(model));
    }

    public RunNotes ReadNotes(string model) => ReadJson<RunNotes>(NotesOf(model)) ?? RunNotes.None;

    /// <summary>The notes beside a model, which may be in another folder; null if there are none.</summary>
    public static RunNotes? NotesBeside(string model) => ReadJson<RunNotes>(Path.ChangeExtension(model, ".json"));

    public void Write(string model, RunNotes notes) => WriteJson(NotesOf(model), notes);

    public void Write(string model, Latency latency)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(LatencyOf(model))!);
        WriteJson(LatencyOf(model), latency);
    }

    /// <summary>Writes a picture of the report.</summary>
    public void Write(Picture picture)
    {
        var file = Path.Combine(_path, picture.File);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        AtomicFile.WriteText(file, SvgPicture.File(picture));
    }

    private string LastCheckpointOf(string model) => Path.Combine(RunOf(model), "checkpoints", "last.safetensors");

    private static int? LastOf(TrainingRecord training) => training.History.IsEmpty ? null : training.History.Length;

    private string NotesOf(string model) => Path.Combine(_models, model + ".json");

    private string LatencyOf(string model) => Path.Combine(_path, "latency", model + ".json");

    private static void WriteJson<T>(string file, T value) => AtomicFile.WriteText(file, JsonSerializer.Serialize(value, Json) + "\n");

    private static T? ReadJson<T>(string file)
        where T : class
    {
        if (!File.Exists(file))
            return null;
        try
        {
            return JsonSerializer.Deserialize<T>(File.ReadAllBytes(file), Json) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            throw new BadDataException($"{file}: damaged JSON: {e.Message} Delete the file; Riffle measures again what it can.", e);
        }
    }
}
