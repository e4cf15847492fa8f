using Riffle.Data;
using Riffle.Distillation;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;

namespace Riffle.Study;

/// <summary>
/// The soft labels of <c>--teacher</c>. Teachers that are networks of the study are trained first, without soft labels, in a reproduction of their own in
/// <c>teachers/</c>. All teachers then predict every training image, and <c>soft-labels/</c> keeps the predictions for all networks.
/// </summary>
internal sealed class TeacherLabels
{
    private readonly Settings _settings;
    private readonly Dataset _data;
    private readonly Recipe _recipe;
    private readonly ReproductionFolder _folder;
    private readonly Reproducer? _teachers;
    private readonly Dictionary<string, Model> _files;
    private readonly int _views;

    /// <summary>Checks what is already there.</summary>
    /// <exception cref="RiffleException">The existing soft labels have other settings, or a teacher can't be read.</exception>
    public TeacherLabels(Settings settings, Dataset data)
    {
        (_settings, _data) = (settings, data);
        _recipe = settings.RecipeFor(settings.Selected[0], data, labels: null);
        var own = settings with { Out = FolderIn(settings), Tables = [], Models = [.. settings.Teachers.Where(IsTrainedHere)], Teachers = [], From = null };
        _folder = new(own.Out);
        _teachers = own.Models.IsEmpty || AreMade ? null : new(own);
        _files = settings.Teachers.Where(teacher => !IsTrainedHere(teacher)).Distinct().ToDictionary(file => file, file => Model.Open(file));
        _views = Found?.Identity.Views ?? SoftLabels.ViewsFor(_recipe.Epochs);

        // Makes nothing in this case, but refuses soft labels of other teachers.
        if (AreMade)
            _ = Teachers.Teach(_settings.SoftLabelsFolder!, Models(), _data, _recipe.Augmentation, _views, _settings.Seed, _settings.Threads);
    }

    /// <summary>The identity of the soft labels; null until they are complete.</summary>
    public SoftLabelsIdentity? Identity => AreMade ? Found!.Identity : null;

    private SoftLabels? Found => SoftLabels.Find(_settings.SoftLabelsFolder!);

    private bool AreMade => Found is { } found && found.Made == found.Identity.Views;

    /// <summary>The folder in which networks of the study are trained as teachers.</summary>
    public static string FolderIn(Settings settings) => Path.Combine(settings.Out, "teachers");

    /// <summary>The remaining work.</summary>
    public IEnumerable<Stage> Stages(IReproductionDisplay display, CancellationToken cancel)
    {
        if (AreMade)
            return [];
        var left = _views - (Found?.Made ?? 0);
        var inferences = _settings.Teachers.Select(NetworkOf).Select(network => Forecast.MeasureInference(network, _data.Count(Split.Train), _settings.Threads, cancel));
        var expected = left * new TimeSpan(inferences.Sum(time => time.Ticks));
        return
        [
            .. (_teachers?.Stages(display, cancel) ?? []).Select(stage => stage with { Name = stage.Name + ", the teacher", IsNeeded = true }),
            new("soft labels", $"{left} of {_views} views", expected, () => Teach(display, cancel), IsNeeded: true),
        ];
    }

    private static bool IsTrainedHere(string teacher) => StudyFigures.Models.Contains(teacher);

    private bool Teach(IReproductionDisplay display, CancellationToken cancel) => display.Teach(progress => Teachers.Teach(
        _settings.SoftLabelsFolder!, Models(), _data, _recipe.Augmentation, _views, _settings.Seed, _settings.Threads, progress, cancel)) is not null;

    private Model[] Models() => [.. _settings.Teachers.Select(teacher => IsTrainedHere(teacher) ? Model.Open(_folder.ModelOf(teacher)) : _files[teacher])];

    private Network NetworkOf(string teacher) =>
        IsTrainedHere(teacher) ? NetworkCatalogue.Build(Settings.SpecFor(teacher, _data)) : _files[teacher].Weights.Network;
}
