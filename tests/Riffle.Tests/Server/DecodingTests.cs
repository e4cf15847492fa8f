using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Riffle.Cli;
using Riffle.Data;
using Riffle.Server.Decoding;
using Riffle.Tests.Cli;
using Riffle.Tests.Formats;
using Riffle.Tests.Training;

namespace Riffle.Tests.Server;

/// <summary>Images are decoded in processes of their own as they are in the server, and what brings one of these down does no harm to the server.</summary>
[Collection(nameof(Alone))]
public sealed class DecodingTests
{
    private static readonly string[] Command = ["dotnet", .. Shell.Arguments("decode-for-server")];

    [Fact]
    public void A_process_gives_the_same_pixels_and_messages_as_the_server_itself()
    {
        var jpeg = TinyDataset.Jpeg(1);
        byte[][] files = [jpeg, jpeg[..(jpeg.Length / 2)], [], "no image"u8.ToArray(), TestImages.PngFile(("IHDR", TestImages.PngHeader(100_000, 100_000, depth: 8, colourType: 2)))];
        using var process = new DecoderProcess(Command);
        foreach (var view in (ImageView[])[new(56, IsWhole: false, FitKind.Crop), new(17, IsWhole: true, FitKind.Pad), new(80, IsWhole: false, FitKind.Stretch)])
        {
            foreach (var file in files)
            {
                Assert.Equal(
                    Outcome(() => ClassifierFiles.PixelsAndSize(view, file, new() { Name = "größe", MaxPixels = 1_000_000 }, null, CancellationToken.None)),
                    Outcome(() => process.Decode(view, file, "größe", 1_000_000)));
            }
        }
    }

    [UnixFact]
    public void A_program_that_does_not_work_is_named_before_the_first_request()
    {
        foreach (var program in (string[])["/no/such/program", "true"])
        {
            var e = Assert.Throws<RiffleException>(() => new Decoders(new() { DecoderCommand = [program] }, NullLogger<Decoders>.Instance));
            Assert.Equal($"Images can't be decoded in a process of their own: {program} does not work here.", e.Message);
            Assert.Contains("--decode-here", e.CommandLineAdvice);
        }
    }

    /// <summary>An image that needs more than is left waits, though it has a process of its own; a small one does not.</summary>
    [Fact]
    public async Task A_large_image_waits_for_the_memory_that_all_processes_share()
    {
        var view = new ImageView(56, IsWhole: false, FitKind.Crop);
        var large = PngEncoder.Encode(6000, 4000, new byte[6000 * 4000 * 4]);
        using DecoderProcess first = new(Command), second = new(Command);
        var budget = DecodingBudget.Bytes;
        Task<(byte[] Pixels, int Width, int Height)> waiting;
        try
        {
            DecodingBudget.Bytes = 100 << 20;
            DecodingBudget.Take(DecodingBudget.Bytes, CancellationToken.None);
            try
            {
                waiting = Task.Run(() => first.Decode(view, large, "large", 50_000_000));
                Assert.Equal(56 * 56 * 3, second.Decode(view, TinyDataset.Jpeg(1), "small", 50_000_000).Pixels.Length);
                await Assert.ThrowsAsync<TimeoutException>(() => waiting.WaitAsync(TimeSpan.FromSeconds(1), TestServer.Cancel));
            }
            finally
            {
                DecodingBudget.Return(100 << 20);
            }

            var (_, width, height) = await waiting;
            Assert.Equal((6000, 4000), (width, height));
        }
        finally
        {
            DecodingBudget.Bytes = budget;
        }
    }

    [UnixFact]
    public void A_program_that_answers_nonsense_is_not_believed()
    {
        using var process = new DecoderProcess(["sh", "-c", "head -c 40 /dev/urandom; sleep 100"]);
        var e = Assert.Throws<DecoderCrashedException>(() => process.Decode(new(56, IsWhole: false, FitKind.Crop), TinyDataset.Jpeg(1), "a.jpg", 1_000_000));
        Assert.Equal("a.jpg: the image decoder crashed on this image; save it again with another program", e.Message);
    }

    [LinuxFact]
    public async Task A_crash_of_the_decoder_costs_one_image()
    {
        using var server = await ServeProcess.StartAsync($"small={TestServer.SmallModel}");
        var request = Samples.Post("/v1/classify", "Content-Type: image/jpeg\r\n", TinyDataset.Jpeg(1));
        var expected = Classes(await server.AskAsync(request));
        var decoder = Assert.Single(ChildrenOf(server.Process.Id));

        // Stopped, it has the image for certain when it is killed.
        Shell.Run("kill", ["-STOP", $"{decoder}"]);
        var broken = server.AskAsync(request);
        while (!(await server.MetricsAsync()).Contains("nv_inference_pending_request_count{model=\"small\",version=\"1\"} 1\n"))
            await Task.Delay(5, TestServer.Cancel);
        await Task.Delay(300, TestServer.Cancel);
        Shell.Run("kill", ["-KILL", $"{decoder}"]);
        Assert.Contains("image: the image decoder crashed on this image", Encoding.UTF8.GetString((await broken).Body));
        Assert.Equal(expected, Classes(await server.AskAsync(request)));
        Assert.NotEqual(decoder, Assert.Single(ChildrenOf(server.Process.Id)));
        Assert.Equal(ExitCode.Done, (await server.TerminateAsync()).ExitCode);
        Assert.Contains("has ended the process that decoded it (exit code 137)", await server.Process.StandardOutput.ReadToEndAsync(TestServer.Cancel));
    }

    [LinuxFact]
    public async Task One_that_has_ended_by_itself_is_replaced_unnoticed()
    {
        using var server = await ServeProcess.StartAsync($"small={TestServer.SmallModel}");
        var decoder = Assert.Single(ChildrenOf(server.Process.Id));
        Shell.Run("kill", ["-KILL", $"{decoder}"]);
        await Task.Delay(300, TestServer.Cancel);
        Assert.Equal(200, (await server.AskAsync(Samples.OfAllKinds[1])).Status);
        var (code, _, errors) = await server.TerminateAsync();
        Assert.Equal((ExitCode.Done, ""), (code, errors));
    }

    private static string Outcome(Func<(byte[] Pixels, int Width, int Height)> decode)
    {
        try
        {
            var (pixels, width, height) = decode();
            return $"{width}×{height} {Convert.ToHexString(pixels)}";
        }
        catch (BadDataException e)
        {
            return e.Message;
        }
    }

    /// <summary>What the answer says of the image, without its times.</summary>
    private static string Classes(WireAnswer answer)
    {
        var text = Encoding.UTF8.GetString(answer.Body);
        return text[..text.IndexOf("\"milliseconds\"", StringComparison.Ordinal)];
    }

    /// <summary>Linux lists them by the threads that have started them.</summary>
    private static int[] ChildrenOf(int parent) =>
        [.. Directory.GetDirectories($"/proc/{parent}/task").SelectMany(thread => File.ReadAllText($"{thread}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries)).Select(int.Parse)];
}
