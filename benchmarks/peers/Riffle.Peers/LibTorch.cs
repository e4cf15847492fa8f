using System.Runtime.InteropServices;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Riffle.Peers;

/// <summary>PyTorch's engine on one network.</summary>
internal sealed class LibTorch
{
    private readonly string model;
    private readonly bool imageNet;
    private readonly int threads;
    private readonly int batch;
    private readonly double seconds;

    public LibTorch(string model, bool imageNet, int threads, int batch, double seconds)
    {
        (this.model, this.imageNet, this.threads, this.batch, this.seconds) = (model, imageNet, threads, batch, seconds);
        OlderCppLibrary.Complete();
        set_num_threads(threads);
        set_num_interop_threads(1);
    }

    /// <summary>Times steps of training, or inference, in both memory formats, and returns the faster one.</summary>
    public Measurement Measure(bool training)
    {
        Measurement[] formats = [Measure(training, channelsLast: false), Measure(training, channelsLast: true)];
        return formats.MinBy(format => format.MedianMs)!;
    }

    private Measurement Measure(bool training, bool channelsLast)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var network = LibTorchNetworks.Build(model, imageNet, channelsLast);
        var parameters = network.parameters().ToArray();
        var images = randn(batch, 3, LibTorchNetworks.Side(imageNet), LibTorchNetworks.Side(imageNet));
        if (channelsLast)
        {
            images = ChannelsLast(images);
            using (no_grad())
            {
                foreach (var kernel in parameters.Where(parameter => parameter.dim() == 4))
                    kernel.set_(ChannelsLast(kernel));
            }
        }

        var labels = randint(0, LibTorchNetworks.Classes(imageNet), [batch], dtype: ScalarType.Int64);
        var measurement = Measurement.Of(
            $"libtorch {__version__}", threads, batch, seconds, training ? Step(network, parameters, images, labels) : Inference(network, images));
        return measurement with { Format = channelsLast ? "nhwc" : "nchw", Parameters = parameters.Sum(parameter => parameter.numel()) };
    }

    /// <summary>A whole step on a ready batch: forward, cross-entropy, backward and an update by Nesterov momentum.</summary>
    private static Action Step(Module<Tensor, Tensor> network, Parameter[] parameters, Tensor images, Tensor labels)
    {
        network.train();
        var optimiser = optim.SGD(parameters, learningRate: 0.01, momentum: 0.9, weight_decay: 1e-4, nesterov: true);
        return () =>
        {
            using var scope = NewDisposeScope();
            optimiser.zero_grad();
            functional.cross_entropy(network.forward(images), labels).backward();
            optimiser.step();
        };
    }

    private static Action Inference(Module<Tensor, Tensor> network, Tensor images)
    {
        network.eval();
        return () =>
        {
            using var scope = NewDisposeScope();
            using var withoutGradients = no_grad();
            network.forward(images);
        };
    }

    /// <summary>The same tensor with its channels next to each other in memory.</summary>
    private static Tensor ChannelsLast(Tensor x) => x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);

    /// <summary>
    /// TorchSharp's native library asks for an empty function of the C++ library of GCC 13. Where that is older, setup.sh compiles the function into a library
    /// of its own, which must be there before TorchSharp's.
    /// </summary>
    private static class OlderCppLibrary
    {
        private const int NowAndForAll = 0x2 | 0x100;

        public static void Complete()
        {
            var library = Path.Combine(AppContext.BaseDirectory, "ios_base_library_init.so");
            if (File.Exists(library) && Open(library, NowAndForAll) == 0)
                throw new DllNotFoundException($"{library} cannot be loaded; delete it and run benchmarks/peers/setup.sh again");
        }

        [DllImport("libc", EntryPoint = "dlopen")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        private static extern nint Open([MarshalAs(UnmanagedType.LPUTF8Str)] string file, int flags);
    }
}
