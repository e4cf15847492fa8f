using System.Buffers;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Grpc.Core;
using Riffle.Server.Batching;
using Riffle.Server.Endpoints;
using Riffle.Server.Protocol;
using Riffle.Server.Protos;

namespace Riffle.Server.Grpc;

/// <summary>The Open Inference Protocol over gRPC, on the same engines.</summary>
internal sealed class GrpcService(ModelRepository models, Descriptions descriptions, InferenceRunner runner, Guard guard) : GRPCInferenceService.GRPCInferenceServiceBase
{
    public override Task<ServerLiveResponse> ServerLive(ServerLiveRequest request, ServerCallContext context) => Task.FromResult(new ServerLiveResponse { Live = true });

    public override Task<ServerReadyResponse> ServerReady(ServerReadyRequest request, ServerCallContext context) =>
        Task.FromResult(new ServerReadyResponse { Ready = descriptions.NotReady is null });

    public override Task<ModelReadyResponse> ModelReady(ModelReadyRequest request, ServerCallContext context) =>
        WithModelAsync(context, request.Name, request.Version, _ => new ModelReadyResponse { Ready = descriptions.NotReady is null });

    public override Task<ServerMetadataResponse> ServerMetadata(ServerMetadataRequest request, ServerCallContext context) => AnswerAsync(context, () => Task.FromResult(
        new ServerMetadataResponse { Name = Descriptions.Server.Name, Version = Descriptions.Server.Version, Extensions = { Descriptions.Server.Extensions } }));

    public override Task<ModelMetadataResponse> ModelMetadata(ModelMetadataRequest request, ServerCallContext context) =>
        WithModelAsync(context, request.Name, request.Version, held =>
        {
            var model = Descriptions.MetadataOf(held);
            return new ModelMetadataResponse
            {
                Name = model.Name,
                Versions = { model.Versions },
                Platform = model.Platform,
                Inputs = { model.Inputs.Select(Tensor) },
                Outputs = { model.Outputs.Select(Tensor) },
            };

            static ModelMetadataResponse.Types.TensorMetadata Tensor(TensorMetadata tensor) =>
                new() { Name = tensor.Name, Datatype = tensor.Datatype, Shape = { tensor.Shape.Select(size => (long)size) } };
        });

    public override Task<ModelConfigResponse> ModelConfig(ModelConfigRequest request, ServerCallContext context) =>
        WithModelAsync(context, request.Name, request.Version, held =>
        {
            var config = descriptions.ConfigOf(held);
            var (input, output, instances) = (config.Input.Single(), config.Output.Single(), config.InstanceGroup.Single());
            return new ModelConfigResponse
            {
                Config = new()
                {
                    Name = config.Name,
                    Platform = config.Platform,
                    Backend = config.Backend,
                    MaxBatchSize = config.MaxBatchSize,
                    Input = { new ModelInput { Name = input.Name, DataType = DataType.TypeUint8, Format = ModelInput.Types.Format.Nhwc, Dims = { input.Dims.Select(size => (long)size) } } },
                    Output = { new ModelOutput { Name = output.Name, DataType = DataType.TypeFp32, Dims = { output.Dims.Select(size => (long)size) } } },
                    InstanceGroup = { new ModelInstanceGroup { Name = instances.Name, Count = instances.Count, Kind = ModelInstanceGroup.Types.Kind.Cpu } },
                    DynamicBatching = new()
                    {
                        PreferredBatchSize = { config.DynamicBatching.PreferredBatchSize },
                        MaxQueueDelayMicroseconds = (ulong)config.DynamicBatching.MaxQueueDelayMicroseconds,
                    },
                    Parameters = { config.Parameters.ToDictionary(one => one.Key, one => new ModelParameter { StringValue = one.Value.StringValue }) },
                },
            };
        });

    public override Task<ModelStatisticsResponse> ModelStatistics(ModelStatisticsRequest request, ServerCallContext context) => AnswerAsync(context, () =>
    {
        if (request.Name.Length > 0)
            models.Hold(request.Name, request.Version).Release();
        return Task.FromResult(new ModelStatisticsResponse { ModelStats = { descriptions.Statistics(request.Name).Select(Of) } });

        static StatisticDuration Time(Duration duration) => new() { Count = (ulong)duration.Count, Ns = (ulong)duration.Ns };
        static Protos.ModelStatistics Of(ModelStatus status) => new()
        {
            Name = status.Name,
            Version = status.Version,
            LastInference = (ulong)status.LastInference,
            InferenceCount = (ulong)status.InferenceCount,
            ExecutionCount = (ulong)status.ExecutionCount,
            InferenceStats = new()
            {
                Success = Time(status.InferenceStats.Success),
                Fail = Time(status.InferenceStats.Fail),
                Queue = Time(status.InferenceStats.Queue),
                ComputeInput = Time(status.InferenceStats.ComputeInput),
                ComputeInfer = Time(status.InferenceStats.ComputeInfer),
                ComputeOutput = Time(status.InferenceStats.ComputeOutput),
            },
            BatchStats = { status.BatchStats.Select(batch => new InferBatchStatistics { BatchSize = (ulong)batch.BatchSize, ComputeInfer = Time(batch.ComputeInfer) }) },
        };
    });

    public override Task<RepositoryIndexResponse> RepositoryIndex(RepositoryIndexRequest request, ServerCallContext context) => AnswerAsync(context, () =>
    {
        models.RequireControl();
        return Task.FromResult(new RepositoryIndexResponse
        {
            Models =
            {
                descriptions.Index().Where(entry => !request.Ready || entry.State == "READY").Select(
                    entry => new RepositoryIndexResponse.Types.ModelIndex { Name = entry.Name, Version = entry.Version, State = entry.State, Reason = entry.Reason }),
            },
        });
    });

    public override Task<RepositoryModelLoadResponse> RepositoryModelLoad(RepositoryModelLoadRequest request, ServerCallContext context) => AnswerAsync(context, async () =>
    {
        models.RequireControl();
        if (request.Parameters.Count > 0)
            throw RequestException.Bad(ModelRepository.NoParameters);
        await Task.Run(() => models.Load(request.ModelName), context.CancellationToken).ConfigureAwait(false);
        return new RepositoryModelLoadResponse();
    });

    public override Task<RepositoryModelUnloadResponse> RepositoryModelUnload(RepositoryModelUnloadRequest request, ServerCallContext context) => AnswerAsync(context, () =>
    {
        models.RequireControl();
        models.Unload(request.ModelName);
        return Task.FromResult(new RepositoryModelUnloadResponse());
    });

    public override Task<ModelInferResponse> ModelInfer(ModelInferRequest request, ServerCallContext context) => AnswerAsync(context, () => InferAsync(request, context));

    /// <summary>Answers one request of a stream after the other; one that fails does not end the stream.</summary>
    public override async Task ModelStreamInfer(
        IAsyncStreamReader<ModelInferRequest> requestStream, IServerStreamWriter<ModelStreamInferResponse> responseStream, ServerCallContext context)
    {
        await foreach (var request in requestStream.ReadAllAsync(context.CancellationToken).ConfigureAwait(false))
        {
            ModelStreamInferResponse answer;
            try
            {
                answer = new() { InferResponse = await ModelInfer(request, context).ConfigureAwait(false) };
            }
            catch (RpcException e) when (e.StatusCode != StatusCode.Unauthenticated)
            {
                answer = new() { ErrorMessage = e.Status.Detail, InferResponse = new() { Id = request.Id } };
            }

            await responseStream.WriteAsync(answer).ConfigureAwait(false);
        }
    }

    private Task<ModelInferResponse> InferAsync(ModelInferRequest request, ServerCallContext context)
    {
        var arrived = Stopwatch.GetTimestamp();
        var model = models.Hold(request.ModelName, request.ModelVersion);
        return Guard.CountAsync(model, arrived, async () =>
        {
            var result = await runner.RunAsync(model, Read(request), arrived, context.CancellationToken).ConfigureAwait(false);
            var answer = new ModelInferResponse { ModelName = result.Model, ModelVersion = ServedModel.Version, Id = request.Id };
            foreach (var output in result.Outputs)
            {
                answer.Outputs.Add(new ModelInferResponse.Types.InferOutputTensor { Name = output.Name, Datatype = output.Datatype, Shape = { output.Shape } });
                var bytes = new ArrayBufferWriter<byte>();
                ResponseWriter.WriteBinary(output, bytes);
                answer.RawOutputContents.Add(UnsafeByteOperations.UnsafeWrap(bytes.WrittenMemory));
            }

            return answer;
        });
    }

    private static InferenceRequest Read(ModelInferRequest request)
    {
        if (request.RawInputContents.Count > 0 && request.RawInputContents.Count != request.Inputs.Count)
            throw RequestException.Bad($"raw_input_contents has {request.RawInputContents.Count} entries for {request.Inputs.Count} inputs");
        var inputs = request.Inputs.Select((input, index) =>
        {
            if (input.Parameters.ContainsKey("shared_memory_region"))
                throw new RequestException(501, "shared memory is not supported; send the tensor in the request");
            return new InputTensor(
                input.Name, input.Datatype, [.. input.Shape], request.RawInputContents.Count > 0 ? request.RawInputContents[index].Memory : Contents(input));
        });
        return new(
            request.Id, Number(request.Parameters, "timeout"), true, [.. inputs],
            [.. request.Outputs.Select(output => new RequestedOutput(output.Name, (int)Math.Clamp(Number(output.Parameters, "classification"), 0, int.MaxValue)))]);
    }

    /// <summary>Values that came as numbers, in binary form.</summary>
    private static byte[] Contents(ModelInferRequest.Types.InferInputTensor input)
    {
        var contents = input.Contents ?? throw RequestException.Bad($"input '{input.Name}' has no contents");
        switch (input.Datatype)
        {
            case Tensors.Byte:
                return [.. contents.UintContents.Select(value => value <= byte.MaxValue ? (byte)value : throw RequestException.Bad($"input '{input.Name}': {value} is no UINT8"))];
            case Tensors.Float:
                return MemoryMarshal.AsBytes(contents.Fp32Contents.ToArray().AsSpan()).ToArray();
            case Tensors.Bytes:
                var bytes = new ArrayBufferWriter<byte>();
                ResponseWriter.WriteBinary(new(input.Name, [], null, [.. contents.BytesContents.Select(one => one.ToByteArray())], true), bytes);
                return bytes.WrittenSpan.ToArray();
            default:
                return [];
        }
    }

    private static long Number(MapField<string, InferParameter> parameters, string name) => !parameters.TryGetValue(name, out var value) ? 0 : value.ParameterChoiceCase switch
    {
        InferParameter.ParameterChoiceOneofCase.Int64Param => value.Int64Param,
        InferParameter.ParameterChoiceOneofCase.Uint64Param => (long)Math.Min(value.Uint64Param, long.MaxValue),
        _ => throw RequestException.Bad($"the parameter {name} is a whole number"),
    };

    private Task<T> WithModelAsync<T>(ServerCallContext context, string name, string version, Func<ServedModel, T> answer) => AnswerAsync(context, () =>
    {
        var model = models.Hold(name, version);
        try
        {
            return Task.FromResult(answer(model));
        }
        finally
        {
            model.Release();
        }
    });

    /// <summary>Checks the key, and turns exceptions into gRPC's statuses.</summary>
    private async Task<T> AnswerAsync<T>(ServerCallContext context, Func<Task<T>> answer)
    {
        var http = context.GetHttpContext().Request;
        try
        {
            guard.Authorise(http);
            return await answer().ConfigureAwait(false);
        }
        catch (Exception e) when (e is not RpcException)
        {
            var (status, message) = guard.Report(e, http);
            throw new RpcException(new(e is OperationCanceledException ? StatusCode.Cancelled : CodeOf(status), message));
        }
    }

    private static StatusCode CodeOf(int status) => status switch
    {
        401 => StatusCode.Unauthenticated,
        403 => StatusCode.PermissionDenied,
        404 => StatusCode.NotFound,
        501 => StatusCode.Unimplemented,
        503 => StatusCode.Unavailable,
        500 => StatusCode.Internal,
        _ => StatusCode.InvalidArgument,
    };
}
