using Riffle.Formats;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Models;

/// <summary>Where in a file the weights are, and what stands before their names. Each set in a file has its own value in the bias of its classifier.</summary>
public sealed class WeightFitsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _told = [];

    private static NetworkSpec Spec { get; } = NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.25", imageSize: 24, classes: 4, units: [1, 1, 1]);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("module.")]
    [InlineData("_orig_mod.")]
    [InlineData("model.")]
    [InlineData("net.")]
    [InlineData("backbone.")]
    [InlineData("module._orig_mod.model.")]
    [InlineData("shufflenet.")]
    [InlineData("a.b.c.d.e.")]
    public void A_prefix_is_taken_off_and_said_in_one_line(string prefix)
    {
        Assert.Equal(1, Taken(Save(("state_dict", Set(1, prefix)))));
        var line = Assert.Single(_told);
        Assert.Contains("'state_dict'", line);
        Assert.Contains($"'{prefix}'", line);
        Assert.DoesNotContain('\n', line);

        Assert.Equal(2, Taken(Safe(Set(2, prefix))));
        Assert.Contains($"'{prefix}'", _told[1]);
    }

    [Fact]
    public void Weights_that_are_the_whole_file_need_no_words()
    {
        Assert.Equal(1, Taken(Save(("", Set(1)))));
        Assert.Empty(_told);
    }

    [Fact]
    public void Wrappers_within_the_network_are_taken_off()
    {
        var wrapped = Set(1).Select(t => t with
        {
            Name = t.Name.Replace("stage2.", "stage2._orig_mod.", StringComparison.Ordinal)
                .Replace("stage3.0.", "stage3.module.0._fsdp_wrapped_module.", StringComparison.Ordinal),
        });
        Assert.Equal(1, Taken(Save(("model", wrapped))));
    }

    /// <summary>A tensor or two at the top, as PyTorch's ImageNet example and others leave there.</summary>
    [Fact]
    public void Tensors_beside_the_state_dict_are_not_taken_for_it()
    {
        Assert.Equal(1, Taken(Save(("", [One("best_acc1"), One("rng_state")]), ("state_dict", Set(1, "module.")), ("optimizer", [One("exp_avg")]))));
        Assert.Equal(2, Taken(Save(("", [.. Set(2), One("epoch")]))));
    }

    [Theory]
    [InlineData(1, "state_dict", "state_dict_ema")]
    [InlineData(1, "model", "model_ema")]
    [InlineData(2, "ema", "model")]
    [InlineData(2, "swa_model", "net")]
    [InlineData(1, "student", "teacher")]
    [InlineData(2, "best", "state_dict")]
    [InlineData(1, "", "averaged_model")]
    public void Plain_weights_come_before_averaged_ones_and_others_and_the_rest_is_told(int expected, string first, string second)
    {
        var path = Save((first, Set(1)), (second, Set(2)));
        Assert.Equal(expected, Taken(path));
        var (taken, other) = expected == 1 ? (first, second) : (second, first);
        var line = Assert.Single(_told);
        Error.Names(line, path, other);
        Assert.True(taken.Length == 0 || line.Contains($"'{taken}'", StringComparison.Ordinal));
        Assert.Equal(3 - expected, Taken(path, other));
    }

    [Fact]
    public void Averages_alone_are_taken_and_said()
    {
        Assert.Equal(1, Taken(Save(("model_ema", [One("n_averaged"), .. Set(1, "module.")]))));
        Assert.Contains("'model_ema'", Assert.Single(_told));
    }

    [Fact]
    public void One_state_dict_can_hold_several_networks()
    {
        var path = Save(("state_dict", [.. Set(2, "ema_model."), .. Set(1, "model."), One("loss.weight")]));
        Assert.Equal(1, Taken(path));
        Assert.Contains("loss.weight", _told[0]);
        Assert.Contains("state_dict.ema_model", _told[0]);
        Assert.Equal(2, Taken(path, "ema_model"));
        Assert.Equal(2, Taken(path, "state_dict.ema_model"));
    }

    [Fact]
    public void Of_several_that_fit_equally_well_none_is_taken()
    {
        var path = Save(("left", Set(1)), ("right", Set(2)));
        var error = Assert.ThrowsAny<ArgumentException>(() => Taken(path));
        Assert.StartsWith(path, error.Message);
        Assert.Contains("left, right", error.Message);
        Assert.Contains("--key", Error.OnCommandLine(error));
        Assert.Equal(2, Taken(path, "right"));
        Assert.Contains("left, right", Assert.ThrowsAny<ArgumentException>(() => Taken(path, "middle")).Message);
        Assert.ThrowsAny<ArgumentException>(() => Taken(Save(("", Set(1))), "state_dict"));
    }

    [Fact]
    public void What_fits_is_taken_before_what_is_liked_and_does_not_fit()
    {
        Assert.Equal(2, Taken(Save(("state_dict", Set(1).Skip(1)), ("model_ema", Set(2)))));
        Assert.Contains("'model_ema'", Assert.Single(_told));
    }

    [Theory]
    [InlineData("conv1.1.num_batches_tracked")]
    [InlineData("n_averaged")]
    [InlineData("conv1.0.total_ops")]
    [InlineData("total_params")]
    public void Counters_among_the_weights_are_passed_over(string name) => Assert.Equal(1, Taken(Save(("", [.. Set(1), One(name)]))));

    [Theory]
    [InlineData("", "extra.weight")]
    [InlineData("", "scale")]
    [InlineData("", "conv1.0.module.weight")]
    [InlineData("model.", "model.stage2.9.branch2.0.weight")]
    public void Anything_else_among_the_weights_is_refused(string prefix, string name)
    {
        var path = Save(("state_dict", [.. Set(1, prefix), One(name)]));
        var message = Assert.Throws<BadDataException>(() => Taken(path)).Message;
        Assert.StartsWith(path, message);
        Assert.Contains($"unexpected: {name}", message);
    }

    /// <summary>A larger network of the same family has all the names of a smaller one.</summary>
    [Theory]
    [InlineData("shufflenet-v2-x0.5", Preset.ImageNet, "--model shufflenet-v2-x0.5 --preset imagenet")]
    [InlineData("shufflenet-v2-x0.5", Preset.Tiny, "--model shufflenet-v2-x0.5")]
    [InlineData("shufflenet-v1-g8-x0.25", Preset.Tiny, "--model shufflenet-v1-g8-x0.25")]
    [InlineData("mobilenet-v1-x0.25", Preset.Tiny, "--model mobilenet-v1-x0.25")]
    [InlineData("mobilenet-v2-x0.5", Preset.ImageNet, "--model mobilenet-v2-x0.5")]
    [InlineData("mobilenet-v3-large-x0.75", Preset.ImageNet, "--model mobilenet-v3-large-x0.75")]
    [InlineData("mobilenet-v3-small-x0.75", Preset.ImageNet, "--model mobilenet-v3-small-x0.75")]
    public void A_file_of_another_network_names_that(string name, Preset preset, string advice)
    {
        var held = NetworkCatalogue.Resolve(name, preset, classes: 3);
        var path = Save(("model", Set(1, "module.", held)));
        foreach (var asked in new[] { "shufflenet-v2-x1.0", "shufflenet-v1-g3-x1.0", "mobilenet-v1-x1.0" })
        {
            var message = Error.OnCommandLine(Assert.Throws<BadDataException>(() =>
                WeightImport.Read(path, NetworkCatalogue.Resolve(asked, units: asked[0] == 's' ? [2, 4, 2] : null), null, Normalisation.ImageNet)));
            Assert.StartsWith(path, message);
            Assert.Contains(asked, message);
            Assert.Contains(advice, message);
            Assert.InRange(message.Length, 0, 1500);
        }
    }

    /// <summary>Names as long as can be, without a layer, with what would steer a terminal.</summary>
    [Fact]
    public void A_message_stays_short_and_harmless_whatever_the_names_are()
    {
        var names = Enumerable.Range(0, 300).Select(i => new string((char)('a' + (i % 26)), 500) + "\e[2J" + i);
        var message = Assert.Throws<BadDataException>(() => Taken(Save((new string('k', 90) + "\e[2J", [.. names.Select(One), One("fc.bias")])))).Message;
        Assert.InRange(message.Length, 0, 1500);
        Assert.DoesNotContain('\e', message);
    }

    [Fact]
    public void More_units_than_asked_for_are_refused_with_the_preset_that_has_them()
    {
        var path = Save(("", Set(1, "", NetworkCatalogue.Resolve("shufflenet-v2-x0.5", Preset.ImageNet))));
        var asked = NetworkCatalogue.Resolve("shufflenet-v2-x0.5");
        var message = Error.OnCommandLine(Assert.Throws<BadDataException>(() => WeightImport.Read(path, asked, null, Normalisation.ImageNet)));
        Error.Names(message, path, "units 2,4,2", "--preset imagenet");
    }

    [Fact]
    public void A_weight_that_cannot_be_read_is_refused_by_its_name_and_by_what_makes_it()
    {
        static bool IsPickle(string name) => name.EndsWith("data.pkl", StringComparison.Ordinal);

        var whole = TorchArchive.Entries(TorchArchive.StateDict(Set(1)));
        var pickle = new PickleWriter().Text("fc.bias").Global("numpy.core.multiarray", "_reconstruct").Raw(")Rs").End();
        var changed = whole.Select(entry => IsPickle(entry.Name) ? entry with { Bytes = [.. entry.Bytes[..^1], .. pickle[2..]] } : entry);
        var path = _folder.Add("weights.pth", TorchArchive.Of([.. changed]));
        var message = Assert.Throws<BadDataException>(() => Taken(path)).Message;
        Assert.Contains("'fc.bias'", message);
        Assert.Contains("numpy.core.multiarray._reconstruct", message);
    }

    private float Taken(string path, string? key = null) => WeightImport.Read(path, Spec, null, Normalisation.ImageNet, key, _told.Add).Weights["fc.bias"][0];

    private string Save(params (string Key, IEnumerable<(string Name, int[] Shape, ReadOnlyMemory<float> Values)> Tensors)[] sets) =>
        _folder.Add("weights.pth", TorchArchive.Checkpoint(sets));

    private string Safe(IEnumerable<(string Name, int[] Shape, ReadOnlyMemory<float> Values)> tensors)
    {
        var path = _folder.PathOf("weights.safetensors");
        using var stream = File.Create(path);
        SafeTensors.Write(stream, tensors, new Dictionary<string, string>());
        return path;
    }

    private static IEnumerable<(string Name, int[] Shape, ReadOnlyMemory<float> Values)> Set(float value, string prefix = "", NetworkSpec? spec = null)
    {
        var weights = new Weights(NetworkCatalogue.Build(spec ?? Spec));
        weights[weights.Network.Parameters[^1].Name].Fill(value);
        return weights.Network.Parameters.Select(p => (prefix + p.Name, p.Shape.ToArray(), (ReadOnlyMemory<float>)weights[p.Name].ToArray()));
    }

    private static (string Name, int[] Shape, ReadOnlyMemory<float> Values) One(string name) => (name, [], new float[] { 7 });
}
