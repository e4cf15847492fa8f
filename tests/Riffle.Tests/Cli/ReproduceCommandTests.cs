using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Riffle.Cli;
using Riffle.Data;
using Riffle.Distillation;
using Riffle.Execution;
using Riffle.Models;
using Riffle.Study;
using Riffle.Tests.Training;
using Riffle.Training;

namespace Riffle.Tests.Cli;

/// <summary>riffle reproduce on a data set of a few dozen images and the two smallest networks.</summary>
public sealed partial class ReproduceCommandTests : IDisposable
{
    private const string Smallest = "shufflenet-v1-g2-x0.25", Second = "shufflenet-v1-g1-x0.25";

    private readonly TinyDataset _data = new(train: 40, validation: 30);

    private string Out => _data.Run("out");

    public void Dispose() => _data.Dispose();

    [Fact]
    public void Networks_that_were_asked_for_are_trained_reported_and_then_skipped()
    {
        var first = Shell.Riffle(Arguments("--models", $"{Second},{Smallest}", "--epochs", "2"));
        Assert.Equal(0, first.ExitCode);
        Assert.Contains("2 of 2 epochs  about ", first.Error);
        Assert.True(first.Error.IndexOf(Smallest + ", 56×56", StringComparison.Ordinal) < first.Error.IndexOf(Second + ", 56×56", StringComparison.Ordinal));
        Assert.Equal([Second, Smallest], Directory.GetDirectories(Path.Combine(Out, "runs")).Select(Path.GetFileName).Order());

        var training = Checkpoint.Load(Last(Smallest)).Training!;
        var (best, last) = (training.Best!.Validation.Top1, training.History[^1].Validation.Top1);
        var markdown = File.ReadAllText(Path.Combine(Out, "report.md"));
        var cells = Cells(markdown, Smallest);
        Assert.Equal([Smallest, "34", Text(last, "0.00"), Text(last - 34, "+0.00;−0.00;0.00"), Text(best, "0.00"), $"{training.Best.Epoch}"], cells[..6]);
        Assert.Equal(["0.9", "1.64", "0.55", "65,798"], cells[6..10]);
        Assert.True(double.Parse(cells[10], CultureInfo.InvariantCulture) > 0);
        Assert.Equal("not trained yet", Cells(markdown, "shufflenet-v2-x1.0")[2]);
        Assert.Contains("2 of 20 networks are trained.", markdown);
        Assert.Contains("orientation only", markdown);
        Assert.Contains($"`RIFFLE_VECTOR=256 riffle train --data {_data.DataFolder} --model {Smallest} --out {RunOf(Smallest)} --recipe best --epochs 2 --seed 0`", markdown);
        Assert.Contains(Text(best, "0.00"), first.Output);

        // What was evaluated again for the confused classes is what the training measured.
        var run = new ReproductionFolder(Out).ReadRun(Smallest)!;
        Assert.Equal((2, last), (run.Confused!.Epoch, run.Confused.Top1));
        Assert.All(run.Confused.Pairs, pair =>
            Assert.Contains($"| {pair.First} and {pair.Second}: {pair.FirstAsSecond} + {pair.SecondAsFirst} |", markdown));
        Assert.True(run.Notes.Time > TimeSpan.Zero);

        var before = File.GetLastWriteTimeUtc(Last(Smallest));
        var measured = File.GetLastWriteTimeUtc(Path.Combine(Out, "latency", Smallest + ".json"));
        Assert.Equal(0, CommandLine.Execute(Arguments("--models", Second, Smallest, "--epochs", "2")));
        Assert.Equal(before, File.GetLastWriteTimeUtc(Last(Smallest)));
        Assert.Equal(measured, File.GetLastWriteTimeUtc(Path.Combine(Out, "latency", Smallest + ".json")));
        Assert.Equal(markdown, File.ReadAllText(Path.Combine(Out, "report.md")));
        Page_is_well_formed_and_needs_nothing_else();
        Pictures_are_those_of_the_page(markdown);

        // A model is the last weights with the whole history; with it, what is done needs its run folder no more.
        var model = Checkpoint.Load(Path.Combine(Out, "models", Smallest + ".safetensors"));
        Assert.Equal(training.History.AsEnumerable(), model.Training!.History);
        Assert.Equal(Checkpoint.Load(Last(Smallest)).Weights.Trained, model.Weights.Trained);
        Assert.Equal(256, model.Training.VectorBits);
        var card = File.ReadAllText(Path.Combine(Out, "models", Smallest + ".md"));
        Assert.Contains($"Top-1 {Text(last, "0.00")} % on the ", card);
        Assert.Contains($"not recorded, {WeightsOrigin.Of(model).Fingerprint} ", card);
        Assert.Contains("| Optimiser | nesterov, momentum 0.9 |", card);
        Directory.Delete(Path.Combine(Out, "runs"), recursive: true);
        Assert.Equal(0, CommandLine.Execute(Arguments("--models", Second, Smallest, "--epochs", "2")));
        Assert.False(Directory.Exists(Path.Combine(Out, "runs")));
        Assert.Equal(markdown, File.ReadAllText(Path.Combine(Out, "report.md")));

        // One whose training was killed before its doubt was stored gets it with its card.
        var folder = new ReproductionFolder(Out);
        new Checkpoint(model.Spec, model.Weights, model.Classes, model.Normalisation, model.Training).Save(folder.ModelOf(Smallest));
        folder.Write(Smallest, folder.ReadNotes(Smallest) with { Confused = null });
        Assert.Equal(0, CommandLine.Execute(Arguments("--models", Second, Smallest, "--epochs", "2")));
        var again = Checkpoint.Load(folder.ModelOf(Smallest));
        Assert.Equal((model.Fingerprint(), model.Doubt!.Temperature), (again.Fingerprint(), again.Doubt!.Temperature));
    }

    [UnixFact]
    public void A_run_that_was_killed_goes_on_and_ends_in_the_same_bytes()
    {
        string[] args = Arguments("--models", Smallest, "--epochs", "20", "--seed", "3");
        using (var process = Shell.Start("dotnet", Shell.Arguments(args)))
        {
            var metrics = Path.Combine(RunOf(Smallest), "metrics.csv");
            for (var waited = Stopwatch.StartNew(); Lines(metrics) < 3 && !process.HasExited && waited.Elapsed < TimeSpan.FromMinutes(2);)
                Thread.Sleep(5);
            process.Kill();
            Shell.Finish(process);
        }

        Assert.Equal(0, CommandLine.Execute(args));
        Assert.Equal(2, new ReproductionFolder(Out).ReadNotes(Smallest).Sessions.Length);

        var whole = _data.Run("whole");
        Train(whole, epochs: 20);
        Assert.Equal(File.ReadAllBytes(Path.Combine(whole, "checkpoints", "last.safetensors")), File.ReadAllBytes(Last(Smallest)));
    }

    [UnixFact]
    public void Ctrl_C_says_how_to_go_on_and_writes_the_report()
    {
        var args = Arguments("--models", Smallest, "--epochs", "100000");
        using var process = Shell.Start("dotnet", Shell.Arguments(args));
        for (var waited = Stopwatch.StartNew(); !File.Exists(Last(Smallest)) && !process.HasExited && waited.Elapsed < TimeSpan.FromMinutes(2);)
            Thread.Sleep(5);
        Shell.Run("kill", ["-INT", process.Id.ToString()]);
        var result = Shell.Finish(process);

        Assert.Equal(ExitCode.Interrupted, result.ExitCode);
        Assert.Contains($"riffle reproduce --data {_data.DataFolder} --out {Out} --models {Smallest} ", result.Error);
        Assert.Contains(" --recipe best --epochs 100000 --seed 0 --threads 1", result.Error);
        Assert.Contains("of 100000", Cells(File.ReadAllText(Path.Combine(Out, "report.md")), Smallest)[2]);
    }

    [Fact]
    public void A_run_of_other_settings_is_refused_and_the_folder_is_named()
    {
        Train(RunOf(Smallest), epochs: 2);
        var settings = new Settings(_data.DataFolder, Out, [], [Smallest], "best", 2, 3, 1, null, []);
        string Refused(Settings settings) => Assert.Throws<RiffleException>(() => new Reproducer(settings)).Message;
        _ = new Reproducer(settings);
        foreach (var other in (Settings[])[settings with { Epochs = 5 }, settings with { Seed = 0 }, settings with { Recipe = "paper" }])
        {
            var message = Refused(other);
            Assert.StartsWith(RunOf(Smallest), message, StringComparison.Ordinal);
            Assert.Contains("--out", message);
        }

        Assert.Contains("--epochs 2, not 5", Refused(settings with { Epochs = 5 }));
        Assert.Contains("--seed 3, not 0", Refused(settings with { Seed = 0 }));
        Assert.Contains("--recipe best, not paper", Refused(settings with { Recipe = "paper" }));

        // A network that is not asked for may have been trained in another way, but not on other images.
        _ = new Reproducer(settings with { Models = [Second], Epochs = 5 });
        using var images = new TinyDataset(train: 40, validation: 30, seed: 2);
        Error.Names(
            Refused(settings with { Data = images.DataFolder, Models = [Second] }), RunOf(Smallest), _data.Open().Info.Fingerprint, images.Open().Info.Fingerprint);
    }

    [Fact]
    public void Soft_labels_count_and_are_told()
    {
        Train(RunOf(Smallest), epochs: 1);
        var soft = Path.Combine(_data.Folder, "soft");
        string[] teach = ["teach", RunOf(Smallest), "--data", _data.DataFolder, "--out", soft, "--views", "2"];
        Assert.Equal(0, CommandLine.Execute(teach));
        Assert.DoesNotContain("images/s", Shell.Riffle(teach).Error); // nothing is looked at again
        string[] args = Arguments("--models", Second, "--epochs", "1", "--seed", "3");
        Assert.Equal(0, CommandLine.Execute([.. args, "--soft-labels", soft]));
        var (labels, teacher) = (SoftLabels.Open(soft).Identity, TeacherIdentity.Of(Checkpoint.Load(RunOf(Smallest))));
        Assert.Equal(labels.Fingerprint, Checkpoint.Load(RunOf(Second)).Training!.SoftLabels?.Fingerprint);
        var report = File.ReadAllText(Path.Combine(Out, "report.md"));
        Assert.Contains($"soft labels {labels.Fingerprint}", report);
        Assert.Contains($"--soft-labels {soft} --recipe best", report);
        var card = File.ReadAllText(Path.Combine(Out, "models", Second + ".md"));
        Assert.Contains($"| Soft labels | {labels.Fingerprint}, 0.9 of the loss, at temperature 8 that becomes 2: 2 views by {Smallest} "
            + $"(fingerprint {teacher.Fingerprint}, top-1 ", card);

        // A report of other labels does not say that the row had those. And who learns from scaled crops sees these.
        var others = Path.Combine(_data.Folder, "others");
        Assert.Equal(0, CommandLine.Execute(["teach", RunOf(Smallest), "--data", _data.DataFolder, "--out", others, "--views", "1",
            "--smallest-area", "0.35", "--sharp-share", "0.5"]));
        Assert.Equal(0, CommandLine.Execute([.. Arguments("--models", "shufflenet-v1-g3-x0.25", "--epochs", "1"), "--soft-labels", others]));
        report = File.ReadAllText(Path.Combine(Out, "report.md"));
        Assert.Contains($"--out {RunOf(Second)} --soft-labels FOLDER --recipe best", report);
        Assert.Contains($"--soft-labels {others} --recipe best", report);
        Assert.Equal(Augmentation.CropAndFlip with { SmallestArea = 0.35f, SharpShare = 0.5f },
            Checkpoint.Load(RunOf("shufflenet-v1-g3-x0.25")).Training!.Recipe.Augmentation);
        var best = Path.Combine(RunOf(Smallest), "checkpoints", "best.safetensors");
        Assert.Contains($"riffle teach {best} --data {_data.DataFolder} --out {others} --views 1 --seed 0 --smallest-area 0.35 --sharp-share 0.5", report);
        Assert.Contains("random crop (of 0.35 of the area and more, 0.5 of them only of the size), flip",
            File.ReadAllText(Path.Combine(Out, "models", "shufflenet-v1-g3-x0.25.md")));

        // Without them the row is another one.
        var settings = new Settings(_data.DataFolder, Out, [], [Second], "best", 1, 3, 1, null, []);
        var error = Assert.Throws<RiffleException>(() => new Reproducer(settings));
        Error.Names(error.Message, RunOf(Second), $"soft labels {labels.Fingerprint}");

        // A row under way in its first epoch, with the name of a teacher, has no best weights yet.
        File.Delete(best);
        Assert.Equal(0, CommandLine.Execute([.. args, "--soft-labels", soft]));
        Assert.Contains($"riffle teach TEACHER --data {_data.DataFolder} --out {soft} --views 2", File.ReadAllText(Path.Combine(Out, "report.md")));
    }

    [Fact]
    public void Weights_of_another_reproduction_are_begun_with_and_told()
    {
        Assert.Equal(0, CommandLine.Execute(Arguments("--models", Smallest, "--epochs", "1", "--seed", "3")));
        var models = Path.Combine(Out, "models");
        var (first, file) = (Checkpoint.Load(Path.Combine(models, Smallest + ".safetensors")), Path.Combine(models, Smallest + ".safetensors"));
        var longer = _data.Run("longer");
        string[] args = ["reproduce", "--recipe", "best", "--data", _data.DataFolder, "--out", longer, "--models", Smallest, "--epochs", "2", "--threads", "1"];
        string[] options = ["--from", models, "--learning-rate", "0.05", "--no-flip"];
        Assert.Equal(0, CommandLine.Execute([.. args, .. options]));

        var folder = new ReproductionFolder(longer);
        var training = Checkpoint.Load(folder.ModelOf(Smallest)).Training!;
        Assert.Equal((0.05, false), (training.Recipe.Schedule.LearningRate, training.Recipe.Augmentation.Flip));
        Assert.Equal((WeightsOrigin.Of(first).Fingerprint, 1), (training.Origin!.Fingerprint, training.Origin.Epoch));
        Assert.Equal(first.Training!.Best, training.Origin.Measured);
        Assert.Equal(first.Training!.History.AsEnumerable(), training.Origin.Training!.History);
        Assert.Equal(new ReproductionFolder(Out).ReadNotes(Smallest).Sessions.AsEnumerable(), folder.ReadNotes(Smallest).Before!.Sessions);

        // The commands of the report lead to the same bits.
        var report = File.ReadAllText(folder.Markdown);
        var again = $"RIFFLE_VECTOR=256 riffle train --data {_data.DataFolder} --from {file} --out {folder.RunOf(Smallest)} --recipe best --epochs 2 --seed 0 --learning-rate 0.05 --no-flip";
        Assert.Contains($"`{again}`", report);
        Assert.Contains($"`RIFFLE_VECTOR=256 riffle train --data {_data.DataFolder} --model {Smallest} --out {training.Origin.Fingerprint} --recipe best --epochs 1 --seed 3`", report);
        using (Arithmetic.Prefer(256))
            Assert.Equal(0, CommandLine.Execute([.. again.Replace(folder.RunOf(Smallest), _data.Run("again")).Split(' ').Skip(2)]));
        Assert.Equal(Checkpoint.Load(folder.RunOf(Smallest)).Weights.Trained, Checkpoint.Load(_data.Run("again")).Weights.Trained);
        var card = File.ReadAllText(folder.CardOf(Smallest));
        Assert.Contains($"| Kernels begin as | another training left them: fingerprint {training.Origin.Fingerprint}, top-1 ", card);
        Assert.Contains("## Accuracy by epoch of its first weights", card);

        // Another epoch than the best is one, too.
        var last = Checkpoint.Read(folder.RunOf(Smallest) + "/checkpoints/last.safetensors");
        Assert.Equal(2, WeightsOrigin.Of(last).Epoch);
        Assert.Equal(2, WeightsOrigin.Of(Checkpoint.Load(folder.ModelOf(Smallest))).Epoch);

        // What is done is done for the same options alone.
        Assert.Equal(0, CommandLine.Execute([.. args, .. options]));
        var refused = Shell.Riffle([.. args, "--learning-rate", "0.05", "--no-flip"]);
        Assert.Contains(training.Origin.Fingerprint, refused.Error);
        Error.Names(Shell.Riffle([.. args, "--from", models]).Error, folder.RunOf(Smallest), "recipe");
        refused = Shell.Riffle([.. args, "--from", models, "--models", Second]);
        Assert.Contains(Path.Combine(models, Second + ".safetensors"), refused.Error);
        File.Copy(file, Path.Combine(models, Second + ".safetensors"));
        Error.Names(Shell.Riffle([.. args, "--from", models, "--models", Second]).Error, Path.Combine(models, Second + ".safetensors"), Smallest);
    }

    [UnixFact]
    public void Teachers_are_trained_first_and_asked_and_an_interruption_loses_nothing()
    {
        using var width = Arithmetic.Prefer(Arithmetic.PortableBits);
        string[] args = Arguments("--models", Second, "--epochs", "3", "--seed", "3", "--teacher", Smallest);
        var soft = Path.Combine(Out, "soft-labels");
        using (var process = Shell.Start("dotnet", Shell.Arguments(args)))
        {
            for (var waited = Stopwatch.StartNew(); !File.Exists(Path.Combine(soft, "view-00000.safetensors")) && waited.Elapsed < TimeSpan.FromMinutes(2);)
                Thread.Sleep(1);
            process.Kill();
            Assert.Contains($"3 of 3 epochs  about ", Shell.Finish(process).Error);
        }

        Assert.Equal(0, CommandLine.Execute(args));
        var teacher = Path.Combine(Out, "models", "teachers", Smallest + ".safetensors");
        var (labels, taught) = (SoftLabels.Open(soft).Identity, Checkpoint.Load(RunOf(Second)).Training!);
        Assert.Equal((2, TeacherIdentity.Of(Checkpoint.Load(teacher))), (labels.Views, Assert.Single(labels.Teachers)));
        Assert.Equal(labels.Fingerprint, taught.SoftLabels?.Fingerprint);
        Assert.Null(Checkpoint.Load(teacher).Training!.SoftLabels);
        Assert.False(Directory.Exists(RunOf(Smallest)));
        Assert.Contains($"riffle train --data {_data.DataFolder} --model {Smallest} --out {Path.Combine(Out, "runs", "teachers", Smallest)} ", File.ReadAllText(Path.Combine(Out, "report.md")));
        Assert.Contains($"riffle teach {teacher} --data {_data.DataFolder} --out {soft} --views 2 --seed 3", File.ReadAllText(Path.Combine(Out, "report.md")));

        // The same by hand.
        var other = _data.Run("other");
        Assert.Equal(0, CommandLine.Execute(["teach", teacher, "--data", _data.DataFolder, "--out", soft + "2", "--views", "2", "--seed", "3"]));
        string[] byHand = ["reproduce", "--recipe", "best", "--data", _data.DataFolder, "--out", other, "--models", Second, "--epochs", "3", "--seed", "3", "--soft-labels", soft + "2"];
        Assert.Equal(0, CommandLine.Execute(byHand));
        Assert.Equal(File.ReadAllBytes(Last(Second)), File.ReadAllBytes(Path.Combine(other, "runs", Second, "checkpoints", "last.safetensors")));

        // A file teaches, too; what is there by other teachers is not taken for its word, and for other epochs the views that are there will do.
        string[] Taught(string by, string epochs, string models) =>
            Arguments("--models", models, "--epochs", epochs, "--seed", "3", "--teacher", by);
        Assert.Equal(0, CommandLine.Execute(Taught(teacher, "1", "shufflenet-v1-g3-x0.25")));
        Assert.Equal(0, CommandLine.Execute(Taught(Smallest, "2", "shufflenet-v1-g4-x0.25")));
        var refused = Shell.Riffle(Taught(RunOf(Second), "1", "shufflenet-v1-g8-x0.25"));
        Assert.Equal(ExitCode.Failed, refused.ExitCode);
        Assert.Contains(soft, refused.Error);
    }

    [Fact]
    public void The_first_steps_of_finished_networks_are_verified_without_their_teachers()
    {
        using var data = new TinyDataset(train: 1700, validation: 30);
        string[] args =
        [
            "reproduce", "--recipe", "best", "--data", data.DataFolder, "--out", Out, "--models", Smallest, "--teacher", Second, "--epochs", "1", "--batch", "16",
            "--threads", "1",
        ];
        Assert.Equal(0, CommandLine.Execute(args));
        var folder = new ReproductionFolder(Out);

        // An interruption may have come before the labels of the first steps were written.
        var first = File.ReadAllBytes(folder.FirstSoftLabels);
        File.Delete(folder.FirstSoftLabels);
        Assert.Equal(0, CommandLine.Execute([.. args.Select(word => word == Smallest ? "shufflenet-v1-g4-x0.25" : word)]));
        Assert.Equal(first, File.ReadAllBytes(folder.FirstSoftLabels));
        foreach (var needless in (string[])["runs", "soft-labels"])
            Directory.Delete(Path.Combine(Out, needless), recursive: true);

        // The models alone are enough to go on with.
        Assert.Equal(0, CommandLine.Execute(args));
        var model = Checkpoint.Load(folder.ModelOf(Smallest));
        var verified = Shell.Riffle([.. args, "--verify"]);
        Assert.Equal(0, verified.ExitCode);
        Assert.Equal(2, Regex.Count(verified.Output, "the same"));
        Assert.Contains($"{model.Training!.Early}  {model.Training.Early}  the same", verified.Output);
        Assert.False(Directory.Exists(Path.Combine(Out, "verification", Smallest)));

        // What is not the same is told.
        model.With(model.Training with { Early = "0123456789abcdef" }).Save(folder.ModelOf(Smallest));
        verified = Shell.Riffle([.. args, "--verify"]);
        Assert.Equal(ExitCode.Failed, verified.ExitCode);
        Assert.Contains($"0123456789abcdef  {model.Training.Early}  DIFFERENT", verified.Output);

        // The labels of the first steps are not enough for more.
        var excerpt = SoftLabels.Open(folder.FirstSoftLabels);
        Assert.Equal(model.Training.SoftLabels!.Fingerprint, excerpt.Identity.Fingerprint);
        Error.Names(Assert.Throws<RiffleException>(() => excerpt.Load(1)).Message, folder.FirstSoftLabels, "riffle teach");
        File.WriteAllBytes(folder.FirstSoftLabels, File.ReadAllBytes(folder.ModelOf(Smallest)));
        Error.Names(Assert.Throws<BadDataException>(() => SoftLabels.Open(folder.FirstSoftLabels)).Message, folder.FirstSoftLabels, "excerpt");
    }

    [Fact]
    [Trait("Category", "slow")]
    public void All_rows_are_trained_and_one_of_them_with_five_seeds()
    {
        string[] args = Arguments("--epochs", "1");
        Assert.Equal(0, CommandLine.Execute(args));
        var folder = new ReproductionFolder(Out);
        Assert.All(StudyFigures.Models, model => Assert.True(folder.Read(model).Finished is not null, model));
        var top1 = folder.ReadNotes(SeedSpread.Model).Spread!.Top1;
        Run[] runs = [folder.ReadRun(SeedSpread.Model)!, .. Enumerable.Range(1, 4).Select(seed => folder.OfSeed((ulong)seed).ReadRun(SeedSpread.Model)!)];
        Assert.Equal(runs.Select(run => run.Last!.Validation.Top1), top1);
        Assert.Equal([0, 1, 2, 3, 4], runs.Select(run => run.Training.Seed));
        Assert.Contains("By trainings that differ only in their seed", File.ReadAllText(folder.Markdown));
        Assert.Contains("Everything is trained already", Shell.Riffle(args).Error);

        // A training with another seed must be like the others.
        File.WriteAllText(Path.Combine(Out, "models", SeedSpread.Model + ".json"), "{ \"sessions\": [] }");
        Error.Names(Shell.Riffle(Arguments("--epochs", "2")).Error, Out, "--epochs 1, not 2");
    }

    [Fact]
    public void Another_reproduction_stands_beside_this_one()
    {
        var other = _data.Run("paper");
        string[] paper = ["reproduce", "--data", _data.DataFolder, "--out", other, "--recipe", "paper", "--models", Smallest, "--epochs", "1"];
        Assert.Equal(0, CommandLine.Execute(paper));
        Assert.Equal(0, CommandLine.Execute(Arguments("--models", Smallest, "--epochs", "1", "--beside", other)));
        var markdown = File.ReadAllText(Path.Combine(Out, "report.md"));
        var top1 = Checkpoint.Load(Path.Combine(other, "models", Smallest + ".safetensors")).Training!.History[^1].Validation.Top1;
        Assert.Equal(Text(top1, "0.00"), Cells(markdown, Smallest)[6]);
        Assert.Equal("", Cells(markdown, Second)[6]);
        Assert.Contains("Top-1, recipe paper", markdown);
        Assert.Contains($"--model {Smallest} --out {Path.Combine(other, "runs", Smallest)} --recipe paper", markdown);
        Error.Names(Shell.Riffle(Arguments("--models", Smallest, "--epochs", "1", "--beside", _data.Run("nothing"))).Error, _data.Run("nothing"), "--beside");
    }

    [Fact]
    public void The_recipe_has_teachers_of_its_own()
    {
        var settings = new Settings(_data.DataFolder, Out, [], [Smallest], "taught", null, 3, 1, null, []);
        var data = _data.Open();
        Assert.Equal(["sharp-crops", "scaled-crops"], settings.TeacherNames.AsEnumerable());
        Assert.True((settings with { Teachers = [Second] }).TeacherNames is [Second]);
        Assert.Empty((settings with { SoftLabels = "soft" }).TeacherNames);
        Assert.Empty((settings with { Recipe = "best" }).TeacherNames);
        Assert.Empty((settings with { Recipe = "paper" }).TeacherNames);
        Assert.DoesNotContain("--teacher", settings.Command);
        Assert.Equal([4ul, 5ul], Teacher.Declared.Select(teacher => teacher.In(new(Out), data, settings).Seed));
    }

    [Fact]
    public void A_row_that_learnt_without_the_teachers_is_refused_before_they_are_trained()
    {
        Train(RunOf(Smallest), epochs: 2);
        var settings = new Settings(_data.DataFolder, Out, [], [Smallest], "best", 2, 3, 1, null, [Second]);
        var error = Assert.Throws<RiffleException>(() => new Reproducer(settings));
        Error.Names(error.Message, RunOf(Smallest), "soft labels", "--out");
    }

    [Fact]
    public void For_complexity_nothing_is_trained()
    {
        Assert.Equal(0, CommandLine.Execute(Arguments("--tables", "4", "--models", Smallest)));
        Assert.False(Directory.Exists(Path.Combine(Out, "runs")));
        var markdown = File.ReadAllText(Path.Combine(Out, "report.md"));
        Assert.Contains("prints 0.52 to 0.59 of our count", markdown);
        Assert.Contains("1.04 of our count for shufflenet-v2-x1.0, 0.65 for shufflenet-v2-x0.5", markdown);
        Assert.Contains("| shufflenet-v1-g3-x1.0 | 10.9 | 19.52 | 0.56 | 594,248 |", markdown);

        // Table 1 of the study, whose stage 3 is one unit of stride 2 and three others.
        Assert.Contains("| Layer | Output size | Kernel | Stride | Repeat | g1 | g2 | g3 | g4 | g8 |", markdown);
        Assert.Contains("| stage3.1-3 | 7×7 | 3×3 | 1 | 3 | 288 | 400 | 480 | 544 | 768 |", markdown);
        Page_is_well_formed_and_needs_nothing_else();
    }

    [Theory]
    [InlineData("reproduce --out o", "--data")]
    [InlineData("reproduce --data d --out o --models shufflenet-v3", "--models", "'shufflenet-v3'", "shufflenet-v1-g3-x0.25")]
    [InlineData("reproduce --data d --out o --tables 2,6", "--tables", "from 1 to 5", "6")]
    [InlineData("reproduce --data d --out o --epochs 0", "--epochs", "from 1", "'0'")]
    [InlineData("reproduce --data d --out o --recipe worst", "paper")]
    [InlineData("reproduce --data d --out o --teacher shufflenet-v2-x1.0 --soft-labels s", "--teacher", "--soft-labels")]
    [InlineData("reproduce --data d --out o --temperature 4", "--temperature", "--soft-labels", "--teacher")]
    public void Wrong_usage_is_reported_before_anything_is_done(string line, params string[] names) =>
        Error.OneNames(CommandLine.CreateRoot().Parse(line).Errors.Select(error => error.Message), names);

    [Fact]
    public void Networks_that_are_in_none_of_the_tables_asked_for_are_wrong_usage() =>
        Assert.Equal(ExitCode.Usage, CommandLine.Execute(Arguments("--tables", "2", "--models", "shufflenet-v2-x1.0")));

    [Fact]
    public void A_teacher_that_is_neither_there_nor_one_of_the_networks_is_wrong_usage() =>
        Assert.Equal(ExitCode.Usage, CommandLine.Execute(Arguments("--models", Smallest, "--teacher", "shufflenet-v2-x1")));

    [Fact]
    public void Tables_and_models_select_rows_the_smallest_first()
    {
        var all = new Settings("d", "o", [], [], "best", null, 0, 0, null, []);
        Assert.Equal(StudyFigures.Models.Length, all.ToTrain.Length);
        Assert.Equal([Smallest, Second], all.ToTrain.Take(2));
        Assert.Equal(
            ["shufflenet-v1-g3-x0.5", "shufflenet-v2-x0.5", "shufflenet-v1-g3-x1.0", "shufflenet-v2-x1.0"],
            (all with { Tables = [4, 5] }).ToTrain.AsEnumerable());
        Assert.Equal(["mobilenet-v1-x0.25"], (all with { Tables = [2, 3], Models = ["mobilenet-v1-x0.25"] }).ToTrain.AsEnumerable());
        Assert.Empty((all with { Tables = [1, 4] }).ToTrain);
        Assert.Equal(15, (all with { Tables = [4] }).Selected.Length);
    }

    private void Page_is_well_formed_and_needs_nothing_else()
    {
        var text = File.ReadAllText(Path.Combine(Out, "report.html"));
        var html = XDocument.Parse(text).Root!;
        Assert.Empty(html.Descendants("script"));
        var references = html.Descendants().Attributes().Where(attribute => attribute.Name == "href" || attribute.Name == "src");
        var targets = html.Descendants("section").Select(section => "#" + section.Attribute("id")!.Value).ToHashSet();
        Assert.All(references, reference => Assert.Contains(reference.Value, targets));
        Assert.DoesNotContain("url(", text);
        Assert.Contains(html.Descendants("meta"), meta => meta.Attribute("name")?.Value == "viewport");
        Assert.All(html.Descendants("figure"), figure => Assert.NotEmpty(figure.Element("svg")!.Element("title")!.Value));
        Assert.All(html.Descendants("table"), table =>
        {
            var columns = table.Element("thead")!.Descendants("th").Count();
            Assert.All(table.Element("tbody")!.Elements("tr"), row => Assert.Equal(columns, row.Elements().Count()));
        });

        // A browser reads an element that closes itself as one that is open, but for those that hold nothing anyway.
        var open = html.Descendants().Where(element => element.IsEmpty).Select(element => element.Name.LocalName).Distinct();
        Assert.Empty(open.Except(["meta", "line", "path", "polyline", "rect"]));
    }

    private void Pictures_are_those_of_the_page(string markdown)
    {
        XNamespace svg = "http://www.w3.org/2000/svg";
        var figures = XDocument.Parse(File.ReadAllText(Path.Combine(Out, "report.html"))).Descendants("figure").ToArray();
        Assert.Equal(
            figures.Select(figure => figure.Element("figcaption")!.Value), ImageReference.Matches(markdown).Select(image => image.Groups["title"].Value));
        Assert.All(ImageReference.Matches(markdown).Zip(figures), pair =>
        {
            var (image, figure) = (pair.First, pair.Second);
            var picture = XDocument.Load(Path.Combine(Out, image.Groups["file"].Value)).Root!;
            Assert.Equal(svg + "svg", picture.Name);
            Assert.All(picture.Descendants(), element => Assert.Equal(svg, element.Name.Namespace));
            Assert.Equal(image.Groups["title"].Value, picture.Element(svg + "title")!.Value);

            // The same lines and marks, those of the legend too, and every text of the page's figure.
            Assert.Equal(Drawn(figure, "points"), Drawn(picture, "points"));
            Assert.Equal(Drawn(figure, "d"), Drawn(picture, "d"));
            Assert.Equal(
                figure.Descendants().Where(element => element.Name == "text" || element.Name == "li").Select(element => element.Value)
                    .Prepend(image.Groups["title"].Value).Order(),
                picture.Descendants(svg + "text").Select(text => text.Value).Order());
        });

        static IEnumerable<string> Drawn(XElement element, string attribute) =>
            element.Descendants().Attributes(attribute).Select(drawn => drawn.Value);
    }

    [GeneratedRegex(@"^!\[(?<title>.+)\]\((?<file>.+)\)$", RegexOptions.Multiline)]
    private static partial Regex ImageReference { get; }

    private string[] Arguments(params string[] more) => ["reproduce", "--recipe", "best", "--data", _data.DataFolder, "--out", Out, .. more, "--threads", "1"];

    private string RunOf(string model) => Path.Combine(Out, "runs", model);

    private string Last(string model) => Path.Combine(RunOf(model), "checkpoints", "last.safetensors");

    private void Train(string run, int epochs)
    {
        using var width = Arithmetic.Prefer(Arithmetic.PortableBits);
        var data = _data.Open();
        using var trainer = Trainer.Start(data, Settings.SpecFor(Smallest, data), Settings.NamedRecipeFor("best", Smallest, data, labels: null) with { Epochs = epochs }, run, new() { Seed = 3, Threads = 1 });
        Assert.True(trainer.Run().Completed);
    }

    /// <summary>The cells of the first row of a network.</summary>
    private static string[] Cells(string markdown, string model)
    {
        var line = markdown.Split('\n').First(line => line.StartsWith($"| {model} |", StringComparison.Ordinal));
        return [.. line.Trim('|').Split('|').Select(cell => cell.Trim())];
    }

    private static int Lines(string file) => File.Exists(file) ? File.ReadAllLines(file).Length : 0;

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
