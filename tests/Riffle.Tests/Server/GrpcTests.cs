using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using System.Runtime.InteropServices;
using System.Text;
using Google.Protobuf;
using Riffle.Server.Protos;
using Riffle.Tests.Training;

namespace Riffle.Tests.Server;

/// <summary>The protocol over gRPC: messages in frames of HTTP/2 that are made here by hand.</summary>
public sealed class GrpcTests : IAsyncLifetime
{
    private readonly Classifier _classifier = Classifier.Load(TestServer.SmallModel, threads: 1);
    private readonly HttpClient _client = new();
    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync(settings: new() { GrpcPort = 0 });

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
        _classifier.Dispose();
    }

    [Fact]
    public async Task Health_metadata_and_configuration_are_those_of_http()
    {
        Assert.True((await CallAsync("ServerLive", new ServerLiveRequest(), ServerLiveResponse.Parser)).Live);
        Assert.True((await CallAsync("ServerReady", new ServerReadyRequest(), ServerReadyResponse.Parser)).Ready);
        Assert.True((await CallAsync("ModelReady", new ModelReadyRequest { Name = "small" }, ModelReadyResponse.Parser)).Ready);
        Assert.Equal("riffle", (await CallAsync("ServerMetadata", new ServerMetadataRequest(), ServerMetadataResponse.Parser)).Name);
        var metadata = await CallAsync("ModelMetadata", new ModelMetadataRequest { Name = "small", Version = "1" }, ModelMetadataResponse.Parser);
        Assert.Equal(("images", "UINT8"), (metadata.Inputs.Single().Name, metadata.Inputs.Single().Datatype));
        Assert.Equal([-1, 56, 56, 3], metadata.Inputs.Single().Shape);
        var config = (await CallAsync("ModelConfig", new ModelConfigRequest { Name = "small" }, ModelConfigResponse.Parser)).Config;
        Assert.Equal((64, ModelInput.Types.Format.Nhwc), (config.MaxBatchSize, config.Input.Single().Format));
        var statistics = await CallAsync("ModelStatistics", new ModelStatisticsRequest(), ModelStatisticsResponse.Parser);
        Assert.Equal("small", statistics.ModelStats.Single().Name);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Pixels_get_the_bits_of_the_library(bool isRaw)
    {
        var pixels = Samples.Noise(3, 1);
        var request = new ModelInferRequest { ModelName = "small", Id = "seven" };
        var input = new ModelInferRequest.Types.InferInputTensor { Name = "images", Datatype = "UINT8", Shape = { 3, 56, 56, 3 } };
        request.Inputs.Add(input);
        if (isRaw)
            request.RawInputContents.Add(ByteString.CopyFrom(pixels));
        else
            input.Contents = new() { UintContents = { pixels.Select(value => (uint)value) } };
        var answer = await CallAsync("ModelInfer", request, ModelInferResponse.Parser);
        Assert.Equal(("seven", "small", "1"), (answer.Id, answer.ModelName, answer.ModelVersion));
        Assert.Equal([3, 200], answer.Outputs.Single().Shape);
        Assert.Equal(Samples.Expected(_classifier, pixels, 3), MemoryMarshal.Cast<byte, float>(answer.RawOutputContents.Single().Span).ToArray());
    }

    [Fact]
    public async Task Image_files_get_their_classes()
    {
        var file = TinyDataset.Jpeg(1);
        var request = new ModelInferRequest
        {
            ModelName = "small",
            Inputs = { new ModelInferRequest.Types.InferInputTensor { Name = "image", Datatype = "BYTES", Shape = { 1 }, Contents = new() { BytesContents = { ByteString.CopyFrom(file) } } } },
            Outputs = { new ModelInferRequest.Types.InferRequestedOutputTensor { Name = "probabilities", Parameters = { ["classification"] = new InferParameter { Int64Param = 1 } } } },
        };
        var answer = await CallAsync("ModelInfer", request, ModelInferResponse.Parser);
        var best = _classifier.Classify(file).Best;
        Assert.Equal(
            FormattableString.Invariant($"{best.Probability:F6}:{best.Index}:{best.Text}"), Encoding.UTF8.GetString(answer.RawOutputContents.Single().Span[sizeof(int)..]));
    }

    [Theory]
    [InlineData(5, "other", "images", 1)]
    [InlineData(3, "small", "pixels", 1)]
    [InlineData(3, "small", "images", 2)]
    public async Task An_error_has_a_status_and_a_text(int status, string model, string input, int images)
    {
        var request = new ModelInferRequest
        {
            ModelName = model,
            Inputs = { new ModelInferRequest.Types.InferInputTensor { Name = input, Datatype = "UINT8", Shape = { images, 56, 56, 3 } } },
            RawInputContents = { ByteString.CopyFrom(Samples.Noise(1, 1)) },
        };
        var (found, text, _) = await SendAsync("ModelInfer", request);
        Assert.Equal(status, found);
        Assert.NotEqual("", text);
        Assert.Equal(12, (await SendAsync("RepositoryIndex", new RepositoryIndexRequest())).Status);
    }

    private async Task<T> CallAsync<T>(string method, IMessage message, MessageParser<T> parser)
        where T : IMessage<T>
    {
        var (status, text, body) = await SendAsync(method, message);
        Assert.True(status == 0, $"{status} {text}");
        return parser.ParseFrom(body[5..]);
    }

    /// <summary>gRPC's status and message, and the frame of the answer: a byte for packing, four of length, the message.</summary>
    private async Task<(int Status, string Text, byte[] Body)> SendAsync(string method, IMessage message)
    {
        var bytes = message.ToByteArray();
        var frame = new byte[5 + bytes.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), bytes.Length);
        bytes.CopyTo(frame, 5);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_server.GrpcAddress, $"/inference.GRPCInferenceService/{method}"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(frame) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } },
        };
        request.Headers.TE.Add(new("trailers"));
        using var answer = await _client.SendAsync(request, TestServer.Cancel);
        var body = await answer.Content.ReadAsByteArrayAsync(TestServer.Cancel);
        string Of(string name) => answer.TrailingHeaders.TryGetValues(name, out var values) || answer.Headers.TryGetValues(name, out values) ? values.Single() : "";
        return (int.Parse(Of("grpc-status")), Of("grpc-message"), body);
    }
}
