using System.Text.RegularExpressions;
using Riffle.Tests.Cli;

namespace Riffle.Tests;

/// <summary>Dependencies between the folders run one way. Read from the source, so that a name written out in full counts as well as a using.</summary>
public partial class ArchitectureTests
{
    /// <summary>
    /// What each folder of the library, each type of its root and each project above it may use besides itself. A new folder needs a row, a type of the root
    /// as well unless it uses nothing: such types may be used everywhere.
    /// </summary>
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Simd"] = [],
        ["Kernels"] = ["Simd"],
        ["Networks"] = [],
        ["Formats"] = [],
        ["Data"] = ["Formats"],
        ["Distribution"] = ["Kernels"],
        ["Execution"] = ["Simd", "Kernels", "Networks", "Distribution"],
        ["Exchange"] = ["Networks", "Formats"],
        ["Recipes"] = ["Networks", "Data"],
        ["Model"] = ["Networks", "Data"],
        ["OnnxHints"] = ["Networks", "Data"],
        ["Evaluation"] = ["Model", "Execution", "Distribution", "Networks", "Data"],
        ["Models"] = ["Model", "OnnxHints", "Recipes", "Evaluation", "Exchange", "Execution", "Networks", "Data", "Formats"],
        ["ModelFiles"] = ["Model", "OnnxHints", "Models", "Formats"],
        ["Prediction"] = [],
        ["Classification"] = ["Prediction"],
        ["Classifier"] = ["Classification", "Prediction", "Model", "ModelFiles", "Execution", "Data", "Formats"],
        ["Distillation"] = ["Model", "Models", "Evaluation", "Execution", "Distribution", "Networks", "Data", "Formats"],
        ["Training"] = ["Distillation", "Models", "Evaluation", "Recipes", "Execution", "Distribution", "Networks", "Data", "Formats"],
        ["Measurement"] = ["Training", "Recipes", "Execution", "Distribution", "Networks", "Data", "Simd"],
        ["Learning"] = ["Training", "Measurement", "Evaluation", "Models", "Recipes", "Networks", "Data", "Formats"],
        ["Images"] = ["Classifier", "Classification", "Prediction", "Model", "Data", "Formats"],
        ["Reports"] = ["Learning", "Models", "Evaluation", "Model", "Recipes", "Networks", "Data", "Formats"],
        ["Study"] =
        [
            "Reports", "Images", "Measurement", "Training", "Distillation", "Distribution", "ModelFiles", "Models", "Evaluation", "Model", "Recipes", "Execution", "Networks", "Data", "Formats",
        ],
        ["Server"] = ["Images", "Classifier", "Evaluation", "Model", "ModelFiles", "OnnxHints", "Formats", "Data"],
        ["Cli"] =
        [
            "Server", "Study", "Reports", "Images", "Learning", "Measurement", "Training", "Distillation", "Distribution", "Classifier", "Classification", "Prediction", "ModelFiles", "Models", "Evaluation", "Model", "OnnxHints", "Recipes", "Exchange",
            "Execution", "Networks", "Data", "Formats",
        ],
    };

    public static TheoryData<string> Folders =>
        [.. new DirectoryInfo(Library).GetDirectories().Select(folder => folder.Name).Where(IsSource), .. Projects];

    public static TheoryData<string> RootTypes => [.. Directory.GetFiles(Library, "*.cs").Select(file => Path.GetFileNameWithoutExtension(file))];

    private static string[] Projects => ["Images", "Reports", "Study", "Server", "Cli"];

    private static string Library => Path.Combine(Shell.Root, "src", "Riffle");

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_folder_uses_only_those_below_it(string folder)
    {
        Assert.True(Allowed.TryGetValue(folder, out var allowed), $"src/Riffle/{folder} has no row in the table of dependencies");
        var path = Projects.Contains(folder) ? $"{Library}.{folder}" : Path.Combine(Library, folder);
        var files = Sources(path).ToArray();
        Assert.NotEmpty(files);
        var wrong =
            from file in files
            from used in Uses(File.ReadAllText(file), folder)
            where !allowed!.Contains(used)
            select $"{Path.GetRelativePath(Shell.Root, file)} uses Riffle.{used}";
        Assert.Empty(wrong.Distinct());
    }

    [Theory]
    [MemberData(nameof(RootTypes))]
    public void A_type_of_the_root_uses_only_what_is_below_it(string type) =>
        Assert.Empty(Uses(File.ReadAllText(Path.Combine(Library, $"{type}.cs")), type).Distinct().Except(Allowed.GetValueOrDefault(type, [])));

    /// <summary>A program that has its own bitmaps needs no native code.</summary>
    [Fact]
    public void The_library_itself_uses_no_native_code()
    {
        Assert.DoesNotContain(typeof(Model).Assembly.GetReferencedAssemblies(), assembly => assembly.Name == "SkiaSharp");
        Assert.Contains(typeof(ImageCodec).Assembly.GetReferencedAssemblies(), assembly => assembly.Name == "SkiaSharp");
        Assert.DoesNotContain(
            Sources(Library).Concat(Sources($"{Library}.Images")),
            file => Regex.Match(File.ReadAllText(file), """(LibraryImport|DllImport)\("(?<library>\w+)""") is { Success: true } import && import.Groups["library"].Value != "libc");
    }

    /// <summary>A program may show the library's messages to people who have never seen Riffle's command line. What to do there is <c>CommandLineAdvice</c>.</summary>
    [Fact]
    public void Messages_of_the_library_name_no_options_of_the_command_line()
    {
        var wrong =
            from file in Sources(Library).Concat(Sources($"{Library}.Images"))
            from option in OptionsInMessages(File.ReadAllText(file))
            select $"{Path.GetRelativePath(Shell.Root, file)}: {option}";
        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("throw new RiffleException($\"{path}: give --out\");", "--out")]
    [InlineData("var x = $\"\"\"{path} --force\"\"\";", "--force")]
    [InlineData("throw new RiffleException(\"a; b\") { CommandLineAdvice = \"give --out; or --force\" }; Tell(\"and --data\");", "--data")]
    [InlineData("i--; j --k; // give --out", "")]
    public void An_option_in_a_message_is_seen(string source, string options) => Assert.Equal(options, string.Join(' ', OptionsInMessages(source)));

    [Fact]
    public void The_table_has_no_circle()
    {
        var left = Allowed.ToDictionary();
        while (left.Where(row => !row.Value.Any(left.ContainsKey)).Select(row => row.Key).ToArray() is { Length: > 0 } free)
        {
            foreach (var name in free)
                left.Remove(name);
        }

        Assert.Empty(left.Keys);
    }

    [Theory]
    [InlineData("using Riffle.Training;", "Training")]
    [InlineData("using static Riffle.Data.Split;", "Data")]
    [InlineData("using T = Riffle.Execution.Weights;", "Execution")]
    [InlineData("var x = new Riffle.Execution.Weights(n);", "Execution")]
    [InlineData("var x = global::Riffle.Data.Random64.Create(1, 2);", "Data")]
    [InlineData("var x = new Execution.Weights(n);", "Execution")]
    [InlineData("/// <see cref=\"Riffle.Training.Trainer\"/>", "Training")]
    [InlineData("public static Model Read(string path)", "Model")]
    [InlineData("var model = new Riffle.Classifier(path);", "Classifier")]
    [InlineData("class Checkpoint : Model", "Model")]
    public void Every_form_of_reference_is_seen(string line, string used) => Assert.Equal([used], Uses(line, "Networks").Distinct());

    [Theory]
    [InlineData("namespace Riffle.Networks;")]
    [InlineData("throw new RiffleException(\"Riffle\");")]
    [InlineData("row.Model = OnnxModel; Models(1); // the Model")]
    [InlineData("plan.Execution.Run(); Formats(1); var Training = 1.0;")]
    [InlineData("var path = \"Riffle.Data.bin\"; // see Riffle.Data.md")]
    public void Nothing_else_is(string line) => Assert.Empty(Uses(line, "Networks"));

    /// <summary>What of the table a source text names: folders by <c>Riffle.Folder</c> or, as namespaces nest, by <c>Folder.Type</c>; types of the root.</summary>
    private static IEnumerable<string> Uses(string source, string folder) =>
        from Match match in Reference().Matches(Text().Replace(source, ""))
        let name = match.Groups["folder"].Value

        // An extension of Model, so that no name tells where it is.
        let used = name == "Model" && match.Value.EndsWith(".Open", StringComparison.Ordinal) ? "ModelFiles" : name
        where used != folder && Allowed.ContainsKey(used)
        select used;

    private static IEnumerable<string> Sources(string folder) =>
        Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
            .Where(file => Path.GetRelativePath(folder, file).Split(Path.DirectorySeparatorChar).All(IsSource));

    private static bool IsSource(string name) => name is not ("bin" or "obj");

    /// <summary>The options in strings, but for those of advice, which ends with its statement.</summary>
    private static IEnumerable<string> OptionsInMessages(string source)
    {
        var code = Comment().Replace(source, "");
        var isAdvice = false;
        foreach (Match part in StringOrCode().Matches(code))
        {
            if (part.Value[0] == '"')
            {
                foreach (Match option in CommandLineOption().Matches(isAdvice ? "" : part.Value))
                    yield return option.Value;
            }
            else
            {
                isAdvice = part.Value.LastIndexOf("CommandLineAdvice", StringComparison.Ordinal) is >= 0 and var at
                    ? !part.Value[at..].Contains(';') : isAdvice && !part.Value.Contains(';');
            }
        }
    }

    [GeneratedRegex("""
        "(\\.|[^"\\\n])*"|[^"]+|"
        """)]
    private static partial Regex StringOrCode();

    [GeneratedRegex(@"(?<![\w-])--[a-z][a-z-]*")]
    private static partial Regex CommandLineOption();

    [GeneratedRegex(@"(?<![:""])//[^\n]*")]
    private static partial Regex Comment();

    /// <summary>Strings and plain comments; documentation stays, for a reference in it is one to the compiler.</summary>
    [GeneratedRegex("""
        "(\\.|[^"\\\n])*"(?<!cref="[^"]*")|(?<!/)//(?!/)[^\n]*
        """)]
    private static partial Regex Text();

    [GeneratedRegex(@"(?<![\w.])(global::)?Riffle\.(?<folder>[A-Z]\w*)|(?<![\w.])(?<folder>Model)\.Open|(?<![\w.])(?<folder>[A-Z]\w*)\.[A-Z]"
        + @"|(?<![\w.])(?<folder>Model|OnnxHints|ModelFiles|Prediction|Classifier)\b")]
    private static partial Regex Reference();
}
