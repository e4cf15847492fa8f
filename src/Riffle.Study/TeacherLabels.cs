using Riffle.Data;
using Riffle.Distillation;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;

namespace Riffle.Study;

/// <summary>
/// The soft labels that all networks of a reproduction learn from. Teachers that are no files are trained first, from labels alone, in <c>runs/teachers/</c>. All
/// teachers then predict every training image, and <c>soft-labels/</c> keeps the predictions for all networks.
/// </summary>
internal sealed class TeacherLabels
{
    private readonly Settings _settings;
    private readonly ReproductionFolder _folder;
    private readonly Dataset _data;
    private readonly Recipe _recipe;
    private readonly PlannedRun[] _runs;
    private readonly Dictionary<string, Model> _files;
    private readonly int _views;

    /// <summary>Checks what is already there.</summary>
    /// <exception cref="RiffleException">The existing soft labels have other settings, or a teacher can't be read.</exception>
    public TeacherLabels(Settings settings, Dataset data)
    {
        (_settings, _folder, _data) = (settings, new(settings.Out), data);
        _recipe = settings.RecipeFor(settings.Selected[0], data, labels: null);
        _runs = [.. settings.TeacherNames.Where(IsTrainedHere).Select(Plan)];
        _files = settings.TeacherNames.Where(teacher => !IsTrainedHere(teacher)).Distinct().ToDictionary(file => file, file => Model.Open(file));
        _views = Found?.Identity.Views ?? SoftLabels.ViewsFor(_recipe.Epochs);

        // Makes nothing in this case, and needs no other rank, but refuses soft labels of other teachers.
        if (AreMade)
        {
            _ = Teachers.Teach(_settings.SoftLabelsFolder!, Models(), _data, _recipe.Augmentation, _views, _settings.Seed, _settings.Threads);
            return;
        }

        foreach (var run in _runs)
            run.RefuseOther(data);
    }

    /// <summary>The identity that the soft labels have or will have; null until all teachers are trained.</summary>
    public SoftLabelsIdentity? Identity => AreMade ? Found!.Identity
        : Array.TrueForAll(_runs, run => run.IsDone) ? Teachers.IdentityOf(Models(), _data, _recipe.Augmentation, _views, _settings.Seed)
        : null;

    private SoftLabels? Found => SoftLabels.Find(_settings.SoftLabelsFolder!);

    private bool AreMade => Found is { } found && found.Made == found.Identity.Views;

    /// <summary>The remaining work.</summary>
    public IEnumerable<Stage> Stages(IReproductionDisplay display, CancellationToken cancel)
    {
        if (AreMade && File.Exists(_folder.FirstSoftLabels))
            return [];
        var left = _views - (Found?.Made ?? 0);
        var networks = _runs.Select(run => NetworkCatalogue.Build(run.Network)).Concat(_files.Values.Select(file => file.Weights.Network));
        var inferences = networks.Select(network => Forecast.MeasureInference(network, _data.Count(Split.Train), _settings.Threads, cancel));
        var expected = left * new TimeSpan(inferences.Sum(time => time.Ticks));
        return
        [
            .. _runs.Where(run => !AreMade && !run.IsDone).Select(run => new Stage(
                run.Name + ", the teacher", run.Left(_data), run.Measure(_data, cancel), () => run.Train(_data, display, cancel), IsNeeded: true)),
            new("soft labels", $"{left} of {_views} views", expected, () => Teach(display, cancel), IsNeeded: true),
        ];
    }

    private bool IsTrainedHere(string teacher) => _settings.AreTeachersDeclared || StudyFigures.Models.Contains(teacher);

    /// <summary>A teacher of the recipe, or a network of the study by the recipe of the rows, but from labels alone.</summary>
    private PlannedRun Plan(string name)
    {
        var folder = _folder.OfTeachers;
        var run = _settings.AreTeachersDeclared
            ? Teacher.Declared.Single(teacher => teacher.Name == name).In(folder, _data, _settings)
            : new(folder, name, Settings.SpecFor(name, _data), _settings.RecipeFor(name, _data, labels: null), _settings.Seed, _settings.Threads);
        return run with { Ranks = _settings.Ranks };
    }

    private bool Teach(IReproductionDisplay display, CancellationToken cancel)
    {
        _settings.Ranks?.Announce([.. _settings.TeacherNames.Select(PathOf)], _recipe, _views, _settings.Seed);
        var labels = display.Teach(progress => Teachers.Teach(
            _settings.SoftLabelsFolder!, Models(), _data, _recipe.Augmentation, _views, _settings.Seed, _settings.Threads, _settings.Ranks, progress, cancel));
        if (labels is null)
            return false;
        _folder.OfTeachers.Create();
        labels.WriteExcerpt(_folder.FirstSoftLabels, FirstImages(labels, cancel));
        return true;
    }

    /// <summary>The images of the steps that can be verified: the same for all rows.</summary>
    private int[] FirstImages(SoftLabels labels, CancellationToken cancel)
    {
        using var loader = new BatchLoader(
            _data, Split.Train, labels.Identity.ImageSize, Math.Min(_recipe.Batch, _data.Count(Split.Train)), _recipe.Augmentation, shuffle: true, dropLast: true,
            _settings.Seed, BatchLoader.ThreadsFor(_settings.Threads), cancel: cancel, fit: labels.Identity.Fit);
        loader.StartEpoch(0, 0, labels.SeenIn(0));
        var images = new List<int>();
        for (var step = 0; step < TrainingRecord.EarlySteps && loader.TryNext(out var batch); step++)
            images.AddRange(batch.Numbers);
        return [.. images];
    }

    private Model[] Models() => [.. _settings.TeacherNames.Select(teacher => _files.GetValueOrDefault(teacher) ?? Model.Open(PathOf(teacher)))];

    private string PathOf(string teacher) => _runs.SingleOrDefault(run => run.Name == teacher)?.Folder.ModelOf(teacher) ?? teacher;
}
