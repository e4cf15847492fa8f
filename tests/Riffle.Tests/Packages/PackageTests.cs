using System.IO.Compression;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using Riffle.Data;
using Riffle.Models;
using Riffle.Recipes;
using Riffle.Tests.Cli;
using Riffle.Tests.Formats;
using Riffle.Tests.Server;

namespace Riffle.Tests.Packages;

/// <summary>The packages as a user gets them: packed, restored from a folder with an empty package cache, and used from outside the repository.</summary>
[Trait("Category", "package")]
public sealed class PackageTests(PackedFeed feed) : IClassFixture<PackedFeed>
{
    private const string Program = """
        using Riffle;
        using Riffle.Data;
        using Riffle.Images;
        using Riffle.Models;
        using Riffle.Networks;
        using Riffle.Recipes;
        using Riffle.Training;

        if (args is [var photos, var data, var run])
        {
            Preparation.Run(photos, data, new(), ImageCodec.Default);
            var dataset = Dataset.Open(data, ImageCodec.Default);
            var builder = new NetworkBuilder();
            var x = builder.Relu(builder.BatchNorm("norm", builder.Convolution("first", builder.Input(16, 16), 8, kernel: 3, stride: 2)));
            builder.FullyConnected("fc", builder.GlobalAveragePool(x), dataset.Info.Classes.Length);
            var network = NetworkSpec.Of(builder.Build("mine"));
            using (var trainer = Trainer.Start(dataset, network, Recipe.Best with { Epochs = 2 }, run))
                trainer.Run();
            OnnxFile.Write(Checkpoint.Load(run), run + ".onnx");
            return;
        }

        using var classifier = Classifier.Load(args[0]);
        foreach (var guess in classifier.Classify(args[1], top: 5))
            Console.WriteLine($"{guess.Class} {BitConverter.SingleToInt32Bits(guess.Probability):x8}");
        """;

    [Theory]
    [InlineData("Riffle", "lib/net10.0/Riffle.dll", "lib/net10.0/Riffle.xml", "buildTransitive/Riffle.props", "buildTransitive/Riffle.targets")]
    [InlineData("Riffle.Images", "lib/net10.0/Riffle.Images.dll", "lib/net10.0/Riffle.Images.xml")]
    [InlineData("Riffle.Server", "lib/net10.0/Riffle.Server.dll", "lib/net10.0/Riffle.Server.xml")]
    [InlineData("Riffle.Tool", "tools/any/any/DotnetToolSettings.xml")]
    [InlineData($"Riffle.Tool.{PackedFeed.System}", $"tools/net10.0/{PackedFeed.System}/Riffle.Cli.dll", $"tools/net10.0/{PackedFeed.System}/libSkiaSharp.so",
        $"tools/net10.0/{PackedFeed.System}/Riffle.Server.dll", $"tools/net10.0/{PackedFeed.System}/Grpc.AspNetCore.Server.dll")]
    public void A_package_has_what_belongs_in_it(string name, params string[] files)
    {
        using var package = ZipFile.OpenRead(feed.PackageOf(name));
        var entries = package.Entries.Select(entry => entry.FullName).ToArray();
        Assert.Empty(files.Append("README.md").Append("icon.png").Except(entries));
        Assert.Equal(!name.StartsWith("Riffle.Tool", StringComparison.Ordinal), File.Exists(Path.ChangeExtension(feed.PackageOf(name), ".snupkg")));
        using var description = package.GetEntry($"{name}.nuspec")!.Open();
        var metadata = XDocument.Load(description);
        var space = metadata.Root!.Name.Namespace;
        Assert.Equal("MIT", metadata.Descendants(space + "license").Single().Value);
        if (name is "Riffle.Images" or "Riffle.Server")
        {
            Assert.All(
                metadata.Descendants(space + "dependency").Where(dependency => ((string?)dependency.Attribute("id"))!.StartsWith("Riffle", StringComparison.Ordinal)),
                dependency => Assert.StartsWith("[", (string?)dependency.Attribute("version"), StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("as it is", "")]
    [InlineData("trimmed", "-p:PublishTrimmed=true --self-contained")]
    [InlineData("ahead of time", "-p:PublishAot=true")]
    public void A_program_outside_the_repository_classifies_an_image_with_the_same_bits(string way, string options)
    {
        if (way == "ahead of time")
        {
            Assert.SkipUnless(feed.Linker is not null, "NativeAOT needs clang or gcc, which this machine lacks.");
            options += $" -p:CppCompilerAndLinker={feed.Linker}";
        }

        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.PathOf("Program.cs"), Program);
        File.WriteAllText(folder.PathOf("Outside.csproj"), """
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Riffle.Images" Version="*" />
              </ItemGroup>
            </Project>
            """);
        feed.Configure(folder.Path);
        feed.Dotnet(folder.Path, ["publish", "-c", "Release", "-r", PackedFeed.System, "-o", "out", .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        if (way == "as it is")
        {
            var settings = File.ReadAllText(folder.PathOf("out/Outside.runtimeconfig.json"));
            Error.Names(settings, "\"System.Runtime.TieredPGO\": false", "\"System.Runtime.TieredCompilation.QuickJitForLoops\": false");
        }

        var (model, image) = (Path.Combine(Shell.Root, "models", "shufflenet-v2-x1.0.safetensors"), folder.PathOf("image.jpg"));
        File.WriteAllBytes(image, JpegEncoder.Encode(TestImages.Gradient(200, 150)));
        using var classifier = Classifier.Load(model);
        var expected = string.Concat(classifier.Classify(image).Select(guess => $"{guess.Class} {BitConverter.SingleToInt32Bits(guess.Probability):x8}\n"));
        var result = Shell.Run(folder.PathOf("out/Outside"), [model, image]);
        Assert.Equal(("", expected), (result.Error, result.Output.ReplaceLineEndings("\n")));

        // All documents: of a data set, a run, a checkpoint, a network of one's own, an ONNX file.
        DemoImages.Write(folder.PathOf("photos"), 8, 4, seed: 1, ImageCodec.Default, _ => { }, CancellationToken.None);
        var trained = Shell.Run(folder.PathOf("out/Outside"), [folder.PathOf("photos"), folder.PathOf("data"), folder.PathOf("run")]);
        Assert.True(trained.ExitCode == 0, trained.Error);
        var (checkpoint, onnx) = (Checkpoint.Load(folder.PathOf("run")), Model.Open(folder.PathOf("run.onnx")));
        Assert.Equal(Recipe.Best with { Epochs = 2 }, checkpoint.Training!.Recipe);
        Assert.Equal(Dataset.Open(folder.PathOf("data"), ImageCodec.Default).Info.Classes, checkpoint.Classes);
        Assert.Equal(checkpoint.Classes, onnx.Classes);
    }

    [Fact]
    public void The_tool_is_installed_and_runs()
    {
        using var folder = new TemporaryFolder();
        feed.Configure(folder.Path);
        feed.Dotnet(folder.Path, ["tool", "install", "Riffle.Tool", "--tool-path", "tools"]);
        var model = Path.Combine(Shell.Root, "models", "shufflenet-v2-x1.0.safetensors");
        var image = folder.PathOf("image.jpg");
        File.WriteAllBytes(image, JpegEncoder.Encode(TestImages.Gradient(200, 150)));
        Assert.Equal(Shell.Riffle("predict", model, image), Shell.Run(folder.PathOf("tools/riffle"), ["predict", model, image]));
    }

    /// <summary>As in a container: the files of the C and C++ libraries and of OpenSSL, /proc, /dev/urandom, and nothing else of the system.</summary>
    [Fact]
    public async Task The_folder_for_this_system_predicts_and_serves_in_a_root_of_its_own()
    {
        const string System = "/lib/x86_64-linux-gnu", Loader = "/lib64/ld-linux-x86-64.so.2";
        string[] libraries = [.. ((string[])["c", "m", "dl", "pthread", "rt", "gcc_s", "stdc++", "ssl", "crypto"]).Select(
            name => Directory.Exists(System) ? Array.Find(Directory.GetFiles(System, $"lib{name}.so.*"), file => Path.GetFileName(file).Count(c => c == '.') == 2) : null).OfType<string>()];
        Assert.SkipUnless(
            libraries.Length == 9 && Shell.Run("unshare", ["--map-root-user", "--mount", "true"]).ExitCode == 0,
            $"It needs the system's libraries in {System}, and unshare with the right to use it.");
        using var folder = new TemporaryFolder();
        var root = folder.PathOf("root");
        feed.Dotnet(Shell.Root, ["publish", "src/Riffle.Cli", "-c", "Release", "-r", PackedFeed.System, "--self-contained", "-o", $"{root}/riffle", "--artifacts-path", folder.PathOf("build")]);
        foreach (var file in libraries.Append(Loader))
        {
            Directory.CreateDirectory(root + Path.GetDirectoryName(file));
            File.Copy(file, root + file);
        }

        Directory.CreateDirectory($"{root}/proc");
        Directory.CreateDirectory($"{root}/dev");
        File.WriteAllBytes($"{root}/dev/urandom", []);
        var model = Path.Combine(Shell.Root, "models", "shufflenet-v2-x1.0.safetensors");
        File.Copy(model, $"{root}/model.safetensors");
        File.WriteAllBytes($"{root}/image.jpg", JpegEncoder.Encode(TestImages.Gradient(200, 150)));
        string[] Inside(string arguments) =>
        [
            "--map-root-user", "--mount", "sh", "-c",
            $"mount --rbind /proc '{root}/proc' && mount --bind /dev/urandom '{root}/dev/urandom' && exec chroot '{root}' /riffle/Riffle.Cli {arguments}",
        ];
        var expected = Shell.Riffle("predict", model, $"{root}/image.jpg");
        var found = Shell.Run("unshare", Inside("predict /model.safetensors /image.jpg"));
        Assert.Equal(expected with { Output = expected.Output.Replace(root, "", StringComparison.Ordinal) }, found);

        using var classifier = Classifier.Load(model);
        using var server = await ServeProcess.ListeningAsync(Shell.Start("unshare", Inside("serve /model.safetensors --port 0 --grpc-port 0")));
        using var client = new HttpClient();
        using var image = new ByteArrayContent(File.ReadAllBytes($"{root}/image.jpg"));
        using var answer = await client.PostAsync($"http://127.0.0.1:{server.Port}/v1/classify?top=1", image, TestServer.Cancel);
        var text = await answer.Content.ReadAsStringAsync(TestServer.Cancel);
        Assert.True(answer.IsSuccessStatusCode, text);
        Assert.Equal(classifier.Classify($"{root}/image.jpg").Best.Probability, (float)JsonNode.Parse(text)!["images"]![0]!["predictions"]![0]!["probability"]!);
        var (exitCode, _, errors) = await server.TerminateAsync();
        Assert.Equal((0, ""), (exitCode, errors));
    }

    [Theory]
    [InlineData("win-x64", "Riffle.Cli.exe", "libSkiaSharp.dll")]
    [InlineData("osx-arm64", "Riffle.Cli", "libSkiaSharp.dylib")]
    [InlineData("linux-arm64", "Riffle.Cli", "libSkiaSharp.so")]
    [InlineData("linux-musl-x64", "Riffle.Cli", "libSkiaSharp.so")]
    public void A_folder_for_another_system_holds_all_that_is_needed(string system, string program, string skia)
    {
        using var folder = new TemporaryFolder();
        feed.Dotnet(Shell.Root, ["publish", "src/Riffle.Cli", "-c", "Release", "-r", system, "--no-self-contained", "-o", folder.Path, "--artifacts-path", folder.PathOf("build")]);
        string[] needed = [program, skia, "SkiaSharp.dll", "Riffle.dll", "Riffle.Images.dll", "Riffle.Server.dll", "Grpc.AspNetCore.Server.dll", "Google.Protobuf.dll", "models/shufflenet-v2-x1.0.safetensors"];
        Assert.All(needed, file => Assert.True(File.Exists(folder.PathOf(file)), file));
        Error.Names(File.ReadAllText(folder.PathOf("Riffle.Cli.runtimeconfig.json")), "\"Microsoft.AspNetCore.App\""); // where .NET is installed, of it as well
        Assert.Single(Directory.GetFiles(folder.Path, "libSkiaSharp*"));
        Assert.True(Directory.GetFiles(folder.Path).Sum(file => new FileInfo(file).Length) < 30_000_000);
    }
}
