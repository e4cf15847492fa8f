using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Riffle.Models;
using Riffle.Tests.Formats;
using Riffle.Tests.Training;

namespace Riffle.Tests.Server;

/// <summary>The plain interface.</summary>
public sealed class PlainTests(SharedServer shared) : IClassFixture<SharedServer>
{
    private HttpClient Client => shared.Server.Client;

    [Fact]
    public async Task Models_are_listed_with_their_classes()
    {
        var models = (await shared.Server.GetAsync("/v1/models"))["models"]!.AsArray();
        var model = Assert.Single(models)!;
        Assert.Equal(
            ["name", "version", "network", "size", "fit", "seen", "classes", "heatMap", "doubt"],
            model.AsObject().Select(one => one.Key));
        Assert.Equal(("small", "1", "shufflenet-v1-g1-x0.25", 56), ((string)model["name"]!, (string)model["version"]!, (string)model["network"]!, (int)model["size"]!));
        Assert.Equal(shared.Classifier.Model.Classes.Select(one => one.Text), model["classes"]!.AsArray().Select(one => (string)one!));
    }

    [Theory]
    [InlineData("image/jpeg")]
    [InlineData("application/octet-stream")]
    [InlineData(null)]
    public async Task An_image_as_the_body_gets_its_classes(string? type)
    {
        var file = TinyDataset.Jpeg(1);
        var (status, answer) = await PostAsync("/v1/classify?top=3", Content(file, type));
        Assert.Equal(HttpStatusCode.OK, status);
        var image = Assert.Single(answer["images"]!.AsArray())!;
        Assert.Equal(["name", "width", "height", "predictions", "heatMap", "milliseconds"], image.AsObject().Select(one => one.Key));
        Assert.Equal((32, 32), ((int)image["width"]!, (int)image["height"]!));
        var expected = shared.Classifier.Classify(file, top: 3).Select(one => (one.Text, one.Index, one.Probability));
        Assert.Equal(expected, image["predictions"]!.AsArray().Select(one => ((string)one!["label"]!, (int)one["index"]!, (float)one["probability"]!)));
        Assert.True((double)image["milliseconds"]!["infer"]! > 0);
    }

    [Fact]
    public async Task A_damaged_image_of_a_form_fails_alone()
    {
        byte[][] files = [TinyDataset.Jpeg(1), "no image"u8.ToArray(), TinyDataset.Jpeg(2)];
        var form = new MultipartFormDataContent { { new StringContent("a field without a file"), "note" } };
        foreach (var (i, file) in files.Index())
            form.Add(Content(file, "image/jpeg"), "photo", $"{i}.jpg");
        var (status, answer) = await PostAsync("/v1/classify?model=small&top=1", form);
        Assert.Equal(HttpStatusCode.OK, status);
        var images = answer["images"]!.AsArray();
        Assert.Equal(["0.jpg", "1.jpg", "2.jpg"], images.Select(one => (string)one!["name"]!));
        Assert.Equal(["name", "error"], images[1]!.AsObject().Select(one => one.Key));
        foreach (var i in (int[])[0, 2])
            Assert.Equal(shared.Classifier.Classify(files[i]).Best.Probability, (float)images[i]!["predictions"]![0]!["probability"]!);
    }

    [Fact]
    public async Task A_heat_map_is_a_png_with_alpha_where_the_network_has_one()
    {
        var models = (await shared.Server.GetAsync("/v1/models"))["models"]!;
        Assert.True((bool)models[0]!["heatMap"]!);
        var (_, answer) = await PostAsync("/v1/classify?heatmap=true", Content(TinyDataset.Jpeg(1), "image/jpeg"));
        var url = (string)answer["images"]![0]!["heatMap"]!;
        Assert.StartsWith("data:image/png;base64,", url, StringComparison.Ordinal);
        var png = Convert.FromBase64String(url["data:image/png;base64,".Length..]);
        var picture = ImageCodec.Default.Decode(png, "heat map");
        Assert.Equal((168, 168), (picture.Width, picture.Height));
        Assert.Equal(6, png[25]); // the header's colour type: red, green, blue and alpha
        Assert.True(picture.Pixels.Distinct().Count() > 10);
    }

    [Fact]
    public async Task A_model_with_a_doubt_gives_a_verdict()
    {
        using var folder = new TemporaryFolder();
        var file = folder.PathOf("doubting.safetensors");
        Checkpoint.Load(TestServer.SmallModel).With(new Doubt(1.5f, null, [], 200)).Save(file);
        await using var server = await TestServer.StartAsync(options => options.Models.Add(new("doubting", file)));
        using var classifier = Classifier.Load(file, threads: 1);
        using var answer = await server.Client.PostAsync("/v1/classify", Content(TinyDataset.Jpeg(1), "image/jpeg"), TestServer.Cancel);
        var image = JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestServer.Cancel))!["images"]![0]!;
        var expected = classifier.Classify(TinyDataset.Jpeg(1));
        Assert.Equal((expected.Best.Probability, expected.Verdict), ((float)image["predictions"]![0]!["probability"]!, Enum.Parse<Verdict>((string)image["verdict"]!, ignoreCase: true)));
        var (status, output) = await server.PostAsync("/v2/models/doubting/infer", new JsonObject
        {
            ["inputs"] = new JsonArray(new JsonObject
            {
                ["name"] = "image",
                ["datatype"] = "BYTES",
                ["shape"] = new JsonArray(1),
                ["data"] = new JsonArray(Convert.ToBase64String(TinyDataset.Jpeg(1))),
            }),
            ["outputs"] = new JsonArray(new JsonObject { ["name"] = "verdict" }),
        });
        Assert.Equal(200, status);
        Assert.Equal((string)image["verdict"]!, (string)output["outputs"]![0]!["data"]![0]!);
    }

    /// <summary>Its header claims 20,000×20,000 pixels; nothing is taken for them.</summary>
    [Fact]
    public async Task An_image_of_too_many_pixels_is_refused_by_its_header()
    {
        var png = TestImages.PngFile(("IHDR", TestImages.PngHeader(20_000, 20_000, depth: 8, colourType: 2)), ("IDAT", new byte[64]), ("IEND", []));
        var (status, answer) = await PostAsync("/v1/classify", Content(png, "image/png"));
        Assert.Equal(HttpStatusCode.OK, status);
        Error.Names((string)answer["images"]![0]!["error"]!, "20000");
    }

    [Theory]
    [InlineData("/v1/classify?top=0", "image/jpeg", HttpStatusCode.BadRequest)]
    [InlineData("/v1/classify?heatmap=perhaps", "image/jpeg", HttpStatusCode.BadRequest)]
    [InlineData("/v1/classify?model=other", "image/jpeg", HttpStatusCode.NotFound)]
    [InlineData("/v1/classify", "text/plain", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("/v1/classify", "multipart/form-data", HttpStatusCode.BadRequest)]
    [InlineData("/v1/classify", "multipart/form-data; boundary=x", HttpStatusCode.BadRequest)]
    public async Task A_wrong_request_is_told_why(string path, string type, HttpStatusCode expected)
    {
        var (status, answer) = await PostAsync(path, Content(TinyDataset.Jpeg(1), type));
        Assert.Equal(expected, status);
        Assert.NotEqual("", (string)answer["error"]!);
    }

    private async Task<(HttpStatusCode Status, JsonNode Answer)> PostAsync(string path, HttpContent content)
    {
        using var answer = await Client.PostAsync(path, content, TestServer.Cancel);
        return (answer.StatusCode, JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestServer.Cancel))!);
    }

    private static ByteArrayContent Content(byte[] bytes, string? type)
    {
        var content = new ByteArrayContent(bytes);
        content.Headers.ContentType = type is null ? null : MediaTypeHeaderValue.Parse(type);
        return content;
    }
}
