using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;
using Riffle.Tests.Training;

namespace Riffle.Tests.Server;

/// <summary>A server that tests share which change nothing in it.</summary>
public sealed class SharedServer : IAsyncLifetime
{
    internal TestServer Server { get; private set; } = null!;

    internal Classifier Classifier { get; } = Classifier.Load(TestServer.SmallModel, threads: 1);

    public async ValueTask InitializeAsync() => Server = await TestServer.StartAsync(options =>
    {
        options.Models.Add(new("small", TestServer.SmallModel));
        options.MaxBatch = 20;
    });

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        Classifier.Dispose();
    }
}

/// <summary>Every row of the Open Inference Protocol over HTTP, with bytes that are written here by hand.</summary>
public sealed class ProtocolTests(SharedServer shared) : IClassFixture<SharedServer>
{
    private const int Size = Samples.Size, Classes = Samples.Classes;

    private TestServer Server => shared.Server;

    [Theory]
    [InlineData("/v2/health/live")]
    [InlineData("/v2/health/ready")]
    [InlineData("/v2/models/small/ready")]
    [InlineData("/v2/models/small/versions/1/ready")]
    public async Task Health_is_a_status(string path) => Assert.Equal(200, (await Server.SendAsync($"GET {path} HTTP/1.1\nHost: x\n\n")).Status);

    [Fact]
    public async Task Metadata_and_configuration_say_what_the_model_takes()
    {
        var server = await Server.GetAsync("/v2");
        Assert.Equal("riffle", (string?)server["name"]);
        Assert.Contains("binary_tensor_data", server["extensions"]!.AsArray().Select(one => (string?)one));
        foreach (var path in (string[])["/v2/models/small", "/v2/models/small/versions/1"])
        {
            var model = await Server.GetAsync(path);
            Assert.Equal("""[{"name":"images","datatype":"UINT8","shape":[-1,56,56,3]}]""", model["inputs"]!.ToJsonString());
            Assert.Equal("""[{"name":"probabilities","datatype":"FP32","shape":[-1,200]}]""", model["outputs"]!.ToJsonString());
            var config = await Server.GetAsync($"{path}/config");
            Assert.Equal((20, "FORMAT_NHWC", "[56,56,3]"), ((int)config["max_batch_size"]!, (string)config["input"]![0]!["format"]!, config["input"]![0]!["dims"]!.ToJsonString()));
        }
    }

    [Fact]
    public async Task Pixels_in_json_get_the_bits_of_the_library()
    {
        var pixels = Samples.Noise(2, 1);
        var (status, answer) = await Server.PostAsync("/v2/models/small/infer", new JsonObject
        {
            ["id"] = "seven",
            ["inputs"] = new JsonArray(Input("images", "UINT8", [2, Size, Size, 3], [.. pixels.Select(value => JsonValue.Create(value))])),
        });
        Assert.True(status == 200, answer.ToJsonString());
        Assert.Equal(("seven", "small", "1"), ((string)answer["id"]!, (string)answer["model_name"]!, (string)answer["model_version"]!));
        Assert.Equal("[2,200]", answer["outputs"]![0]!["shape"]!.ToJsonString());
        Assert.Equal(Samples.Expected(shared.Classifier, pixels, 2), answer["outputs"]![0]!["data"]!.AsArray().Select(value => (float)value!));
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("gzip", false)]
    [InlineData("deflate", false)]
    [InlineData("", true)]
    [InlineData("gzip", true)]
    [InlineData("deflate", true)]
    public async Task Binary_tensors_go_both_ways(string encoding, bool packsAnswer)
    {
        var pixels = Samples.Noise(3, 1);
        var json = Samples.Request("images", "UINT8", "[3,56,56,3]", pixels.Length, """, "parameters":{"binary_data_output":true}""");
        var answer = await PostAsync("small", json, Samples.Pack([.. Encoding.UTF8.GetBytes(json), .. pixels], encoding),
            (encoding == "" ? "" : $"Content-Encoding: {encoding}\n") + (packsAnswer ? $"Accept-Encoding: br;q=1.0, {(encoding == "" ? "identity" : encoding)};q=0.5\n" : ""));
        Assert.True(answer.Status == 200, Encoding.UTF8.GetString(answer.Body));
        if (packsAnswer && encoding != "")
        {
            Assert.Equal(encoding, answer.Headers["content-encoding"]);
            answer = answer with { Body = Samples.Unpack(answer.Body, encoding) };
        }

        Assert.Equal("application/octet-stream", answer.Headers["content-type"]);
        var (head, binary) = answer.Parts;
        Assert.Equal(3 * Classes * sizeof(float), (int)head["outputs"]![0]!["parameters"]!["binary_data_size"]!);
        Assert.Null(head["outputs"]![0]!["data"]);
        Assert.Equal(Samples.Expected(shared.Classifier, pixels, 3), MemoryMarshal.Cast<byte, float>(binary).ToArray());
    }

    /// <summary>Layouts are told apart by the shape; floats are ready for the network, as the ONNX files of export take them.</summary>
    [Theory]
    [InlineData("UINT8", true, 0)]
    [InlineData("UINT8", false, 0)]
    [InlineData("FP32", true, 1e-5)]
    [InlineData("FP32", false, 1e-5)]
    public async Task Every_layout_and_type_means_the_same_images(string type, bool isRows, double tolerance)
    {
        var pixels = Samples.Noise(2, 1);
        var (scale, shift) = shared.Classifier.Model.Normalisation.Affine;
        float[] factors = [scale.Red, scale.Green, scale.Blue], summands = [shift.Red, shift.Green, shift.Blue];
        var data = new List<byte>();
        for (var i = 0; i < pixels.Length; i++)
        {
            // Written in the order of the target: rows, or planes.
            var (image, rest) = Math.DivRem(i, Size * Size * 3);
            var (colour, at) = isRows ? (rest % 3, rest / 3) : Math.DivRem(rest, Size * Size);
            var value = pixels[(image * Size * Size * 3) + (at * 3) + colour];
            if (type == "UINT8")
                data.Add(value);
            else
                data.AddRange(MemoryMarshal.AsBytes([(factors[colour] * value) + summands[colour]]));
        }

        var shape = isRows ? "[2,56,56,3]" : "[2,3,56,56]";
        var answer = await PostAsync(
            "small", Samples.Request("images", type, shape, data.Count), null, "", [.. data]);
        Assert.True(answer.Status == 200, Encoding.UTF8.GetString(answer.Body));
        var found = answer.Json["outputs"]![0]!["data"]!.AsArray().Select(value => (float)value!).ToArray();
        Assert.All(Samples.Expected(shared.Classifier, pixels, 2).Zip(found), pair => Assert.Equal(pair.First, pair.Second, tolerance));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Encoded_images_come_as_bytes(bool isBinary)
    {
        byte[][] files = [TinyDataset.Jpeg(1), TinyDataset.Jpeg(2)];
        WireAnswer answer;
        if (isBinary)
        {
            byte[] data = [.. files.SelectMany(file => BitConverter.GetBytes(file.Length).Concat(file))];
            answer = await PostAsync(
                "small", Samples.Request("image", "BYTES", "[2]", data.Length), null, "", data);
        }
        else
        {
            answer = await PostAsync("small", new JsonObject
            {
                ["inputs"] = new JsonArray(Input("image", "BYTES", [2, 1], [.. files.Select(file => JsonValue.Create(Convert.ToBase64String(file)))])),
            }.ToJsonString(), null, "", null);
        }

        Assert.True(answer.Status == 200, Encoding.UTF8.GetString(answer.Body));
        float[] expected = [.. files.SelectMany(file => Samples.Expected(shared.Classifier, shared.Classifier.Pixels(file), 1))];
        Assert.Equal(expected, answer.Json["outputs"]![0]!["data"]!.AsArray().Select(value => (float)value!));
    }

    [Fact]
    public async Task A_header_of_zero_means_that_the_body_is_the_tensor()
    {
        var file = TinyDataset.Jpeg(3);
        var pixels = shared.Classifier.Pixels(file);
        foreach (var body in (byte[][])[file, pixels])
        {
            var answer = await Server.SendAsync($"POST /v2/models/small/infer HTTP/1.1\nHost: x\nInference-Header-Content-Length: 0\nContent-Length: {body.Length}\n\n", body);
            Assert.Equal(Samples.Expected(shared.Classifier, pixels, 1), answer.Json["outputs"]![0]!["data"]!.AsArray().Select(value => (float)value!));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Classification_gives_the_likeliest_classes(bool isBinary)
    {
        var pixels = Samples.Noise(2, 1);
        var binary = isBinary ? "true" : "false";
        var json = Samples.Request(
            "images", "UINT8", "[2,56,56,3]", pixels.Length, $$$""", "outputs":[{"name":"probabilities","parameters":{"classification":3,"binary_data":{{{binary}}} }}]""");
        var answer = await PostAsync("small", json, null, "", pixels);
        var (head, data) = isBinary ? answer.Parts : (answer.Json, []);
        var output = head["outputs"]![0]!;
        Assert.Equal(("BYTES", "[2,3]"), ((string)output["datatype"]!, output["shape"]!.ToJsonString()));
        var texts = new List<string>();
        for (var at = 0; at < data.Length; at += 4 + (int)BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(at)))
            texts.Add(Encoding.UTF8.GetString(data, at + 4, (int)BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(at))));
        if (!isBinary)
            texts.AddRange(output["data"]!.AsArray().Select(one => (string)one!));
        var all = Samples.Expected(shared.Classifier, pixels, 2);
        string[] expected =
        [
            .. from image in (int[])[0, 1]
               let own = all.AsSpan(image * Classes, Classes).ToArray()
               from index in Enumerable.Range(0, Classes).OrderByDescending(index => own[index]).Take(3)
               select FormattableString.Invariant($"{own[index]:F6}:{index}:{shared.Classifier.Model.Classes[index].Text}"),
        ];
        Assert.Equal(expected, texts);
    }

    [Theory]
    [InlineData(404, "GET", "/v2/models/other", "")]
    [InlineData(404, "GET", "/v2/models/small/versions/2", "")]
    [InlineData(404, "GET", "/v2/models/other/ready", "")]
    [InlineData(404, "POST", "/v2/models/other/infer", "{}")]
    [InlineData(404, "GET", "/v2/nothing", "")]
    [InlineData(501, "POST", "/v2/repository/index", "{}")]
    [InlineData(501, "POST", "/v2/repository/models/small/unload", "{}")]
    [InlineData(501, "POST", "/v2/systemsharedmemory/region/a/register", "{}")]
    [InlineData(400, "POST", "/v2/models/small/infer", "")]
    [InlineData(400, "POST", "/v2/models/small/infer", "[]")]
    [InlineData(400, "POST", "/v2/models/small/infer", "{\"inputs\":[]}")]
    [InlineData(400, "POST", "/v2/models/small/infer", "{\"inputs\":[{\"name\":\"images\",\"datatype\":\"UINT8\",\"shape\":[1,56,56,3],\"data\":[1,2,3]}]}")]
    [InlineData(400, "POST", "/v2/models/small/infer", "{\"inputs\":[{\"name\":\"images\",\"datatype\":\"UINT8\",\"shape\":[1,56,56,3],\"data\":[256]}]}")]
    [InlineData(400, "POST", "/v2/models/small/infer", "{\"inputs\":[{\"name\":\"images\",\"datatype\":\"UINT8\",\"shape\":[9223372036854775807,56,56,3],\"data\":[]}]}")]
    [InlineData(400, "POST", "/v2/models/small/infer", "{\"inputs\":[{\"name\":\"images\",\"datatype\":\"UINT8\",\"shape\":[1,57,56,3],\"data\":[1]}]}")]
    [InlineData(400, "POST", "/v2/models/small/infer", "{\"inputs\":[{\"name\":\"pixels\",\"datatype\":\"UINT8\",\"shape\":[1,56,56,3],\"data\":[1]}]}")]
    [InlineData(400, "POST", "/v2/models/small/infer", "{\"inputs\":[{\"name\":\"images\",\"datatype\":\"INT64\",\"shape\":[1,56,56,3],\"data\":[1]}]}")]
    [InlineData(400, "POST", "/v2/models/small/infer", "{\"inputs\":[{\"name\":\"image\",\"datatype\":\"BYTES\",\"shape\":[1],\"data\":[\"AAAA\"]}]}")]
    [InlineData(400, "POST", "/v2/models/small/infer", "{\"inputs\":[{\"name\":\"image\",\"datatype\":\"BYTES\",\"shape\":[1],\"data\":[\"no base 64!\"]}]}")]
    [InlineData(400, "POST", "/v2/models/small/infer", "{\"inputs\":[{\"name\":\"image\",\"datatype\":\"BYTES\",\"shape\":[21],\"data\":[\"\"]}]}")]
    [InlineData(400, "POST", "/v2/models/small/infer", "{\"inputs\":[{\"name\":\"image\",\"datatype\":\"BYTES\",\"shape\":[0],\"data\":[]}]}")]
    [InlineData(400, "POST", "/v2/models/small/infer", "{\"inputs\":[{\"name\":\"image\",\"datatype\":\"BYTES\",\"shape\":[1],\"parameters\":{\"binary_data_size\":9}}]}")]
    [InlineData(501, "POST", "/v2/models/small/infer", "{\"inputs\":[{\"name\":\"image\",\"datatype\":\"BYTES\",\"shape\":[1],\"parameters\":{\"shared_memory_region\":\"a\"}}]}")]
    [InlineData(400, "POST", "/v2/models/small/infer", "{\"a\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}")]
    public async Task An_error_is_a_status_and_a_text(int status, string method, string path, string body)
    {
        var answer = await Server.SendAsync($"{method} {path} HTTP/1.1\nHost: x\nContent-Length: {body.Length}\n\n", Encoding.ASCII.GetBytes(body));
        Assert.Equal(status, answer.Status);
        Assert.Equal(["error"], answer.Json.AsObject().Select(one => one.Key));
        Assert.NotEqual("", (string)answer.Json["error"]!);
    }

    [Theory]
    [InlineData(400, "Inference-Header-Content-Length: 5\nContent-Length: 2\n")]
    [InlineData(400, "Inference-Header-Content-Length: -1\nContent-Length: 2\n")]
    [InlineData(415, "Content-Encoding: br\nContent-Length: 2\n")]
    [InlineData(400, "Content-Encoding: gzip\nContent-Length: 2\n")]
    [InlineData(413, "Content-Length: 2000000000\n")]
    public async Task Headers_are_checked(int status, string headers)
    {
        var answer = await Server.SendAsync($"POST /v2/models/small/infer HTTP/1.1\nHost: x\n{headers}\n", "{}"u8.ToArray());
        Assert.Equal(status, answer.Status);
        Assert.NotNull(answer.Json["error"]);
    }

    /// <summary>A megabyte of zeros that unpacks to a thousand is refused at the limit.</summary>
    [Fact]
    public async Task A_body_is_limited_as_it_unpacks()
    {
        var bomb = Samples.Pack(new byte[80 << 20], "gzip");
        var answer = await Server.SendAsync($"POST /v2/models/small/infer HTTP/1.1\nHost: x\nContent-Encoding: gzip\nContent-Length: {bomb.Length}\n\n", bomb);
        Assert.Equal(413, answer.Status);
    }

    [Fact]
    public async Task Statistics_and_metrics_count_what_was_computed()
    {
        var before = await Count();
        await Binary_tensors_go_both_ways("", false);
        var after = await Count();
        Assert.Equal(before.Images + 3, after.Images);
        Assert.Equal(before.Requests + 1, after.Requests);
        var metrics = await Server.Client.GetStringAsync("/metrics", TestServer.Cancel);
        Assert.Contains($"nv_inference_count{{model=\"small\",version=\"1\"}} {after.Images}\n", metrics);
        Assert.Contains($"nv_inference_request_success{{model=\"small\",version=\"1\"}} {after.Requests}\n", metrics);
        Assert.Contains("http_server_request_duration_seconds_count{http_request_method=\"POST\",http_response_status_code=\"200\",http_route=\"/v2/models/{model}/infer\"}", metrics);

        async Task<(long Images, long Requests)> Count()
        {
            var all = (await Server.GetAsync("/v2/models/small/stats"))["model_stats"]![0]!;
            return ((long)all["inference_count"]!, (long)all["inference_stats"]!["success"]!["count"]!);
        }
    }

    private Task<WireAnswer> PostAsync(string model, string json, byte[]? body, string headers = "", byte[]? binary = null)
    {
        body ??= [.. Encoding.UTF8.GetBytes(json), .. binary ?? []];
        var length = binary is null && headers == "" && !json.Contains("binary_data_size") ? "" : $"Inference-Header-Content-Length: {Encoding.UTF8.GetByteCount(json)}\n";
        return Server.SendAsync($"POST /v2/models/{model}/infer HTTP/1.1\nHost: x\n{length}{headers}Content-Length: {body.Length}\n\n", body);
    }

    private static JsonObject Input(string name, string type, int[] shape, JsonArray data) => new()
    {
        ["name"] = name,
        ["datatype"] = type,
        ["shape"] = new JsonArray([.. shape.Select(size => JsonValue.Create(size))]),
        ["data"] = data,
    };
}
