using System.Text;
using System.Text.Json;
using Riffle.Cli;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Tests.Formats;
using Riffle.Tests.Training;
using Riffle.Training;

namespace Riffle.Tests.Cli;

/// <summary>What can be given to <c>riffle predict</c> as an image.</summary>
public sealed class PredictCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _model;

    public PredictCommandTests()
    {
        var weights = new Weights(NetworkCatalogue.Build(NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.25", imageSize: 24, classes: 3, units: [1, 1, 1])));
        Initialisation.Fill(weights, InitialisationKind.He, seed: 1);
        _model = _folder.PathOf("model.safetensors");
        var spec = NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.25", imageSize: 24, classes: 3, units: [1, 1, 1]);
        new Checkpoint(spec, weights, [new("苹果", "苹果"), new("größe", "größe"), new("c", "c")], Normalisation.ImageNet).Save(_model);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Of_a_folder_its_images_are_meant_and_what_is_none_is_counted()
    {
        Directory.CreateDirectory(_folder.PathOf("photos/more/deep"));
        Directory.CreateDirectory(_folder.PathOf("photos/.hidden"));
        string[] images = ["photos/b.jpg", "photos/more/a.JPEG", "photos/more/deep/named-by-nobody"];
        foreach (var image in images.Append("photos/.hidden/c.jpg"))
            _folder.Add(image, TinyDataset.Jpeg(1));
        _folder.Add("photos/notes.txt", "notes"u8.ToArray());
        _folder.Add("photos/list.txt", "list"u8.ToArray());
        _folder.Add("photos/d.heic", "\0\0\0 ftypheic"u8.ToArray());
        _folder.Add("photos/.DS_Store", [0, 0]);

        var result = Predict(_folder.PathOf("photos"), "--json");
        Assert.Equal(ExitCode.Done, result.ExitCode);
        Assert.Equal(images.Select(_folder.PathOf), Files(result.Output));
        Assert.Contains("1 × a HEIC image, 2 × a text file", result.Error);
        Assert.DoesNotContain("DS_Store", result.Error);

        // A file that calls itself an image, and is none, is a fault.
        _folder.Add("photos/page.jpg", "<!DOCTYPE html>"u8.ToArray());
        result = Predict(_folder.PathOf("photos"), "--json");
        Assert.Equal((ExitCode.BadData, 3), (result.ExitCode, Files(result.Output).Length));
        Error.Names(result.Error, $"{_folder.PathOf("photos/page.jpg")}: ", "a web page");
    }

    /// <summary>A NAS keeps a thumbnail of each image beside it, under the image's own name.</summary>
    [Fact]
    public void What_a_NAS_leaves_in_a_folder_is_no_image_of_it()
    {
        Directory.CreateDirectory(_folder.PathOf("photos"));
        var image = _folder.Add("photos/a.jpg", TinyDataset.Jpeg(1));
        foreach (var clutter in (string[])["photos/@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg", "photos/#recycle/b.jpg", "photos/__MACOSX/._a.jpg"])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_folder.PathOf(clutter))!);
            _folder.Add(clutter, TinyDataset.Jpeg(1));
        }

        var result = Predict(_folder.PathOf("photos"), "--json");
        Assert.Equal((ExitCode.Done, ""), (result.ExitCode, result.Error));
        Assert.Equal([image], Files(result.Output));
    }

    [UnixFact]
    public void A_link_back_to_its_own_folder_is_not_followed_without_end()
    {
        Directory.CreateDirectory(_folder.PathOf("photos"));
        _folder.Add("photos/a.jpg", TinyDataset.Jpeg(1));
        Directory.CreateSymbolicLink(_folder.PathOf("photos/again"), "../photos");
        Assert.Single(Files(Predict(_folder.PathOf("photos"), "--json").Output));
    }

    [Fact]
    public void A_folder_without_images_is_bad_data_that_says_what_is_there()
    {
        Directory.CreateDirectory(_folder.PathOf("texts"));
        _folder.Add("texts/a.txt", "a"u8.ToArray());
        var result = Predict(_folder.PathOf("texts"));
        Assert.Equal(ExitCode.BadData, result.ExitCode);
        Error.Names(result.Error, "texts", "1 × a text file");
    }

    [UnixFact]
    public void A_dash_is_an_image_on_standard_input()
    {
        var image = _folder.Add("a.jpg", TinyDataset.Jpeg(2));
        var expected = Predict(image, "--json").Output.Replace(image, "-");
        Assert.Equal(expected, Piped($"cat {image} | \"$@\"", "-", "--json").Output);
        Assert.Equal(expected, Piped($"\"$@\" < {image}", "-", "--json").Output);

        var nothing = Piped("\"$@\" < /dev/null", "-");
        Assert.Equal(ExitCode.BadData, nothing.ExitCode);
        Error.Names(nothing.Error, "standard input: ", "empty");
        Assert.Equal(ExitCode.Usage, CommandLine.Execute(["predict", _model, "-", "-"]));
    }

    [LinuxFact]
    public void What_never_ends_or_is_no_file_is_named_and_the_others_go_on()
    {
        var (pipe, image) = (_folder.PathOf("pipe"), _folder.Add("a.jpg", TinyDataset.Jpeg(2)));
        Shell.Run("mkfifo", [pipe]);
        string[] odd =
        [
            "/dev/zero", "/dev/urandom", "/dev/null", "/dev/full", "/proc/self/mem", "/dev/fd/1000000", pipe, _folder.PathOf("a\nb.jpg"), "https://example.org/a.jpg",
        ];
        var result = Predict([.. odd, image, "--json"]);
        Assert.Equal(ExitCode.BadData, result.ExitCode);
        Assert.Equal([image], Files(result.Output));
        Assert.All(odd, name => Assert.Contains($"riffle: {name}: ", result.Error));
        Assert.Contains("curl -L -O https://example.org/a.jpg", result.Error);
        Assert.Contains("pipe", result.Error);
        Assert.DoesNotContain("bug", result.Error);
    }

    [UnixFact]
    public void An_image_from_another_program_s_pipe_is_read()
    {
        var image = _folder.Add("a.jpg", TinyDataset.Jpeg(2));
        var result = Shell.Run("bash", ["-c", $"dotnet \"$@\" <(cat {image}; cat {image})", "bash", .. Shell.Arguments("predict", _model)]);
        Assert.Equal((ExitCode.Done, ""), (result.ExitCode, result.Error));
    }

    [Fact]
    public void Any_number_of_threads_says_the_same_in_the_order_that_was_asked()
    {
        var images = Enumerable.Range(0, 40)
            .Select(i => _folder.Add($"{(i * 7) % 40:00}.jpg", i % 9 == 4 ? "no image"u8.ToArray() : TinyDataset.Jpeg(i % 3, i))).ToArray();
        var one = Predict([.. images, "--threads", "1"]);
        Assert.Equal(ExitCode.BadData, one.ExitCode);
        Assert.Equal(images.Where((_, i) => i % 9 != 4), one.Output.Split('\n').Where(line => line.EndsWith(".jpg", StringComparison.Ordinal)));
        foreach (var threads in (string[])["0", "3", "1024"])
            Assert.Equal(one, Predict([.. images, "--threads", threads]));
    }

    [Fact]
    public void A_pattern_that_no_shell_has_expanded_and_a_list_name_images()
    {
        Directory.CreateDirectory(_folder.PathOf("x1"));
        Directory.CreateDirectory(_folder.PathOf("x2"));
        string[] images = [.. ((string[])["x1/a.jpg", "x1/b.jpg", "x2/a.jpg"]).Select(name => _folder.Add(name, TinyDataset.Jpeg(1)))];
        Assert.Equal(images, Files(Predict(_folder.PathOf("x*/*.jpg"), "--json").Output));
        Assert.Equal([images[0], images[2]], Files(Predict(_folder.PathOf("x?/a*"), "--json").Output));
        var nothing = Predict(_folder.PathOf("x*/*.png"));
        Assert.Equal(ExitCode.BadData, nothing.ExitCode);
        Error.Names(nothing.Error, "x*/*.png");

        var list = _folder.Add("list.txt", Encoding.UTF8.GetBytes($"{images[2]}\n{images[0]}\n"));
        Assert.Equal([images[1], images[2], images[0]], Files(Predict(images[1], "--files-from", list, "--json").Output));
        Assert.Equal(ExitCode.Usage, Predict().ExitCode);
        Assert.Equal(ExitCode.Failed, Predict("--files-from", "no-such-list").ExitCode);
    }

    [Fact]
    public void Csv_and_json_lines_have_a_line_for_each_image_also_for_one_that_can_t_be_read()
    {
        var (image, broken) = (_folder.Add("a, b.jpg", TinyDataset.Jpeg(1)), _folder.Add("c.jpg", "no image"u8.ToArray()));
        var csv = Predict(image, broken, "--format", "csv", "--top", "2");
        Assert.Equal(ExitCode.BadData, csv.ExitCode);
        var lines = csv.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Length);
        Assert.Equal("file,verdict,error,class_1,probability_1,class_2,probability_2", lines[0]);
        Assert.StartsWith($"\"{image}\",,,", lines[1], StringComparison.Ordinal);
        Assert.StartsWith($"{broken},,", lines[2], StringComparison.Ordinal);

        var answers = Predict(image, broken, "--format", "jsonl").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        Assert.Equal([image, broken], answers.Select(answer => answer.GetProperty("file").GetString()));
        Assert.Equal(3, answers[0].GetProperty("predictions").GetArrayLength());
        Assert.StartsWith($"{broken}: ", answers[1].GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    /// <summary>A program reads it, wherever it was written.</summary>
    [UnixTheory]
    [InlineData("de_DE.ISO-8859-1")]
    [InlineData("C")]
    [InlineData("ja_JP.eucJP")]
    public void Json_and_redirected_text_are_UTF8_in_any_locale(string locale)
    {
        var (image, output) = (_folder.Add("größe.jpg", TinyDataset.Jpeg(2)), _folder.PathOf("output"));
        foreach (var json in (string[][])[["--json"], []])
        {
            var result = Shell.Run(
                "sh", ["-c", "exec dotnet \"$@\" >\"$OUTPUT\"", "sh", .. Shell.Arguments(["predict", _model, image, .. json])],
                environment: new Dictionary<string, string> { ["LC_ALL"] = locale, ["OUTPUT"] = output });
            Assert.Equal((ExitCode.Done, ""), (result.ExitCode, result.Error));
            var text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(File.ReadAllBytes(output));
            Assert.Contains("苹果", text);
            Assert.Contains("größe.jpg", text);
            Assert.False(text.StartsWith('\uFEFF'));
        }
    }

    private static string[] Files(string json)
    {
        using var document = JsonDocument.Parse(json);
        return [.. document.RootElement.EnumerateArray().Select(answer => answer.GetProperty("file").GetString()!)];
    }

    private Shell.Result Predict(params string[] args) => Shell.Riffle(["predict", _model, .. args]);

    private Shell.Result Piped(string line, params string[] args) =>
        Shell.Run("sh", ["-c", line, "sh", "dotnet", .. Shell.Arguments(["predict", _model, .. args])]);
}
