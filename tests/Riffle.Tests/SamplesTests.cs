using System.Net;
using System.Net.Http.Headers;
using Riffle.Tests.Cli;
using Riffle.Tests.Formats;
using Riffle.Tests.Training;

namespace Riffle.Tests;

/// <summary>The samples, built with these tests, as a reader would start them.</summary>
public class SamplesTests
{
    private static readonly string Model = Path.Combine(Shell.Root, "models", "shufflenet-v1-g1-x0.25.safetensors");

    [Fact]
    public void A_sample_has_at_most_ten_lines()
    {
        var samples = Directory.GetFiles(Path.Combine(Shell.Root, "samples"), "Program.cs", SearchOption.AllDirectories);
        Assert.Equal(2, samples.Length);
        Assert.All(samples, sample => Assert.InRange(File.ReadAllLines(sample).Count(IsCode), 1, 10));
    }

    [Fact]
    public void The_console_program_names_a_class_and_what_is_no_image()
    {
        using var folder = new TemporaryFolder();
        var (image, text) = (folder.Add("a.jpg", TinyDataset.Jpeg(1)), folder.Add("b.jpg", "no image"u8.ToArray()));
        using var classifier = Classifier.Load(Model);
        var best = classifier.Classify(image).Best;
        var result = Shell.Run("dotnet", [Sample("Console"), Model, image, text]);
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        var lines = result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.StartsWith($"{image}: {best.Class} ", lines[0], StringComparison.Ordinal);
        Assert.StartsWith($"{text}: ", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_server_answers_with_predictions_and_refuses_what_is_no_image()
    {
        using var server = Shell.Start("dotnet", [Sample("Web"), "--model", Model, "--urls", "http://127.0.0.1:0"]);
        try
        {
            string? line;
            while ((line = await server.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken)) is not null && !line.Contains("http://", StringComparison.Ordinal))
            {
            }

            Assert.NotNull(line);
            using var client = new HttpClient { BaseAddress = new(line[line.IndexOf("http://", StringComparison.Ordinal)..].Trim()) };
            using var classifier = Classifier.Load(Model);
            var answer = await Post(client, TinyDataset.Jpeg(1));
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Contains(classifier.Classify(TinyDataset.Jpeg(1)).Best.Class, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
            Assert.Equal(HttpStatusCode.BadRequest, (await Post(client, "no image"u8.ToArray())).StatusCode);
        }
        finally
        {
            server.Kill();
        }
    }

    private static Task<HttpResponseMessage> Post(HttpClient client, byte[] image)
    {
        var content = new ByteArrayContent(image);
        content.Headers.ContentType = new MediaTypeHeaderValue("image/jpeg");
        return client.PostAsync("/classify", new MultipartFormDataContent { { content, "photo", "photo.jpg" } }, TestContext.Current.CancellationToken);
    }

    private static bool IsCode(string line) => line.Trim() is { Length: > 0 } text && !text.StartsWith("//", StringComparison.Ordinal);

    /// <summary>In the configuration in which these tests were built.</summary>
    private static string Sample(string name) => Path.Combine(
        Shell.Root, "samples", name, "bin", new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name, "net10.0", $"{name}.dll");
}
