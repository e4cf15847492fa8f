using System.IO.Compression;
using Riffle.Formats;

namespace Riffle.Tests.Formats;

/// <summary>Files that PyTorch wrote (Fixtures/make_torch_files.py), and files that nobody should write.</summary>
public sealed class TorchFileTests : IDisposable
{
    private const int Half = 0x3800;

    private readonly TemporaryFolder _folder = new();

    private static string Fixture(string name) => Path.Combine(AppContext.BaseDirectory, "Fixtures", $"torch.{name}.pth");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("state")]
    [InlineData("legacy")]
    public void Every_kind_of_tensor_is_read_as_PyTorch_sees_it(string fixture)
    {
        var file = Assert.Single(TensorFile.Read(Fixture(fixture)));
        Assert.Equal(
            ["float", "half", "bfloat", "double", "single", "empty", "transposed", "channels_last", "part", "expanded", "counter", "parameter"], file.Names);
        foreach (var (name, shape) in new (string, int[])[]
        {
            ("float", [2, 3]), ("half", [2, 3]), ("bfloat", [2, 3]), ("double", [2, 3]), ("single", []), ("transposed", [4, 3]),
            ("channels_last", [2, 3, 2, 2]), ("part", [2, 3, 4]), ("parameter", [3]),
        })
        {
            Assert.Equal((name, string.Join('×', shape)), (name, string.Join('×', file.Shape(name))));
            Assert.Equal(Enumerable.Range(0, shape.Aggregate(1, (a, b) => a * b)).Select(i => i / 8f - 1), file.Get(name));
        }

        Assert.Equal(Enumerable.Repeat(-1f, 10), file.Get("expanded"));
        Assert.Empty(file.Get("empty"));
        Assert.Equal("0×4", string.Join('×', file.Shape("empty")));
        Assert.Contains("I64", Assert.Throws<BadDataException>(() => file.Get("counter")).Message);
        Assert.Contains("'weight'", Assert.Throws<BadDataException>(() => file.Get("weight")).Message);
    }

    [Theory]
    [InlineData("protocol4", "float,transposed,parameter")]
    [InlineData("training", "module.float,module.part")]
    public void Other_protocols_and_what_training_scripts_save_are_read(string fixture, string names)
    {
        var file = Assert.Single(TensorFile.Read(Fixture(fixture)));
        Assert.Equal(names.Split(','), file.Names);
        Assert.All(file.Names, name => Assert.Equal(file.Get(name).Length / 8f - 1.125f, file.Get(name)[^1]));
    }

    /// <summary>The one would run a program, and stands beside a tensor.</summary>
    [Fact]
    public void What_is_not_known_is_passed_over_and_refused_by_its_name_where_it_is_asked_for()
    {
        var file = Assert.Single(TensorFile.Read(Fixture("system")));
        Assert.Equal(["weight"], file.Names);
        Assert.Equal([-1, -0.875f], file.Get("weight"));
        foreach (var ask in new Func<object>[] { () => file.Get("other"), () => file.Shape("other") })
        {
            var error = Assert.Throws<BadDataException>(ask);
            Assert.StartsWith(Fixture("system"), error.Message);
            Error.Names(error.Message, "'other'", "posix.system");
            Assert.Contains("state_dict", error.Message);
        }
    }

    /// <summary>Arguments, dates, numpy's values, sets, enumerations, states of optimisers, quantised and sparse tensors, and a program to run.</summary>
    [Theory]
    [InlineData("0")]
    [InlineData("1")]
    [InlineData("2")]
    [InlineData("3")]
    [InlineData("4")]
    [InlineData("5")]
    [InlineData("old1")]
    [InlineData("old3")]
    [InlineData("old4")]
    public void What_training_scripts_save_beside_the_weights_is_passed_over(string protocol)
    {
        var file = TensorFile.Read(Fixture("beside." + protocol)).Single(set => set.Place == "state_dict");
        Assert.Equal(["w"], file.Names);
        Assert.Equal([-1, -0.875f, -0.75f, -0.625f, -0.5f, -0.375f], file.Get("w"));
    }

    [Fact]
    public void Tensors_of_other_kinds_are_refused_where_they_are_asked_for()
    {
        var file = TensorFile.Read(Fixture("beside.2"))[0];
        Assert.Equal("", file.Place);
        Assert.Equal([71.5f], file.Get("best_acc1"));
        Assert.Equal([1, 1], file.Get("marked"));
        foreach (var (name, why) in new[]
        {
            ("sparse", "_rebuild_sparse_tensor"), ("quantised", "_rebuild_qtensor"), ("many_dimensions", "_rebuild_tensor_v2"), ("wave", "C64"),
            ("rng_state", "U8"),
            ("array", "numpy"), ("attack", "posix.system"), ("args", "argparse.Namespace"), ("date", "datetime.datetime"),
        })
        {
            var message = Assert.Throws<BadDataException>(() => file.Get(name)).Message;
            Assert.Contains($"'{name}'", message);
            Assert.Contains(why, message);
        }
    }

    [Fact]
    public void A_whole_model_is_read_as_its_state_dict()
    {
        var file = Assert.Single(TensorFile.Read(Fixture("module")));
        Assert.Equal(["weight", "bias"], file.Names);
        Assert.Equal([2, 2], file.Shape("weight").ToArray());
        Assert.Equal(4, file.Get("weight").Length);

        string[] names = ["0.weight", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"];
        var sets = TensorFile.Read(Fixture("model"));
        Assert.Equal(["model", "ema"], sets.Select(set => set.Place));
        Assert.Equal(names.Select(name => "module." + name), sets[0].Names);
        Assert.Equal(names, sets[1].Names);
        Assert.Equal((1f, 2f), (sets[0].Get("module.0.weight")[1], sets[1].Get("0.weight")[1]));
    }

    /// <summary>Such as the imaginary part of conjugated numbers: the values lie in the file with the other sign.</summary>
    [Fact]
    public void Values_that_are_to_be_negated_are_not_taken_as_they_lie_there()
    {
        var pickle = new PickleWriter().Raw("}").Text("w").Global("torch._utils", "_rebuild_tensor_v2").Raw("(").Storage("0", 2)
            .Raw("K\x00K\x02\x85K\x01\x85\x89}}").Text("neg").Raw("\x88stRs").End();
        var message = Assert.Throws<BadDataException>(() => TorchFile.Read(Write(pickle, new byte[8]))).Message;
        Error.Names(message, "'w'", "torch._utils._rebuild_tensor_v2");
    }

    [Theory]
    [InlineData("argparse", "Namespace")]
    [InlineData("numpy.core.multiarray", "_reconstruct")]
    public void A_file_of_nothing_that_can_be_read_names_what_makes_it(string module, string name)
    {
        var inner = new PickleWriter().Raw("}").Text("state_dict").Raw("}").Text("fc.weight").Global(module, name).Raw(")Rss").End();
        Error.Names(Assert.Throws<BadDataException>(() => TorchFile.Read(Write(inner, []))).Message, "'state_dict.fc.weight'", $"{module}.{name}");
        var root = new PickleWriter().Global(module, name).Raw(")R").End();
        Assert.Contains($"{module}.{name}", Assert.Throws<BadDataException>(() => TorchFile.Read(Write(root, []))).Message);
    }

    /// <summary>Before PyTorch 0.4 a storage could be a part of another.</summary>
    [Theory]
    [InlineData(1, 2, true)]
    [InlineData(2, 2, false)]
    [InlineData(-1, 2, false)]
    [InlineData(0, 1, false)]
    public void A_part_of_a_storage_is_read_where_it_begins(int first, int count, bool isWhole)
    {
        var pickle = new PickleWriter().Raw("}").Text("w").Global("torch._utils", "_rebuild_tensor").Raw("((").Text("storage").Global("torch", "FloatStorage")
            .Text("0").Text("cpu").Raw("K\x03(").Text("1").Number('J', first).Number('J', count).Raw("ttQK\x00K\x02\x85K\x01\x85tRs").End();
        var path = Write(pickle, [.. BitConverter.GetBytes(1f), .. BitConverter.GetBytes(2f), .. BitConverter.GetBytes(3f)]);
        if (isWhole)
            Assert.Equal([2, 3], TorchFile.Read(path)[0].Get("w"));
        else
            Error.Names(Assert.Throws<BadDataException>(() => TorchFile.Read(path)[0].Get("w")).Message, path, "'w'");
    }

    /// <summary>As PyTorch writes types of tensors that have no storages of their own.</summary>
    [Fact]
    public void A_tensor_over_a_storage_of_bytes_has_the_type_that_it_is_given()
    {
        var pickle = new PickleWriter().Raw("}").Text("w").Global("torch._utils", "_rebuild_tensor_v3").Raw("((").Text("storage")
            .Global("torch.storage", "UntypedStorage").Text("0").Text("cpu")
            .Raw("K\x0ctQK\x01K\x02\x85K\x01\x85\x89}").Global("torch", "float32").Raw("tRs").End();
        var path = Write(pickle, [.. BitConverter.GetBytes(1f), .. BitConverter.GetBytes(2f), .. BitConverter.GetBytes(3f)]);
        Assert.Equal([2, 3], TorchFile.Read(path)[0].Get("w"));
    }

    [ExternalFact]
    public void Both_formats_hold_the_same_public_weights()
    {
        var torch = TensorFile.Read(ExternalData.PathOf("shufflenet_v2_x0_5.fp32.pth"))[0];
        var safe = TensorFile.Read(ExternalData.PathOf("shufflenet_v2_x0_5.fp32.safetensors"))[0];
        Assert.Equal(safe.Names.Order(), torch.Names.Order());
        foreach (var name in safe.Names.Where(name => !name.EndsWith("num_batches_tracked", StringComparison.Ordinal)))
        {
            Assert.Equal(safe.Shape(name).ToArray(), torch.Shape(name).ToArray());
            Assert.Equal(safe.Get(name), torch.Get(name));
        }
    }

    // A tensor of 4 values of 2 bytes; the storage really has 6 of them.
    [Theory]
    [InlineData(0, 2, 2, 2, 1, true)]
    [InlineData(2, 2, 2, 2, 1, true)]
    [InlineData(3, 2, 2, 2, 1, false)]
    [InlineData(0, 2, 2, 5, 1, false)]
    [InlineData(0, 2, 2, 4, 1, true)]
    [InlineData(-1, 2, 2, 2, 1, false)]
    [InlineData(5, 2, 2, -2, -1, false)]
    [InlineData(0, -2, 2, 2, 1, false)]
    [InlineData(0, 2_000_000_000, 2_000_000_000, 2_000_000_000, 2_000_000_000, false)]
    [InlineData(99, 0, 2, 2, 1, true)]
    public void A_view_outside_its_storage_is_refused(int offset, int rows, int columns, int rowStride, int columnStride, bool isWhole)
    {
        var path = Write(Pickle(6, offset, [rows, columns], [rowStride, columnStride]), new byte[12]);
        if (isWhole)
            Assert.Equal($"{rows}×{columns}", string.Join('×', TorchFile.Read(path)[0].Shape("w")));
        else
            Error.Names(Assert.Throws<BadDataException>(() => TorchFile.Read(path)[0].Shape("w")).Message, path, "'w'");
    }

    [Fact]
    public void A_storage_that_is_shorter_than_the_pickle_tells_is_refused() =>
        Assert.Throws<BadDataException>(() => TorchFile.Read(Write(Pickle(7, 0, [2], [1]), new byte[12]))[0].Get("w"));

    [Fact]
    public void A_view_that_repeats_values_without_end_takes_no_memory_until_it_is_asked_for()
    {
        var path = Write(Pickle(1, 0, [2_000_000_000, 2_000_000_000], [0, 0]), [0, Half >> 8]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var file = TorchFile.Read(path)[0];
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
        Assert.Contains("'w'", Assert.Throws<BadDataException>(() => file.Get("w")).Message);
    }

    /// <summary>Older public weights were saved by Python 2, whose text is of another kind.</summary>
    [Theory]
    [InlineData('U')]
    [InlineData('T')]
    public void Names_that_Python_2_wrote_are_read(char strings)
    {
        var pickle = TorchArchive.Pickle([("w", "Half", "0", 2, 0, [2], [1])], strings);
        Assert.Equal([0.5f, 0.5f], TorchFile.Read(Write(pickle, [0, Half >> 8, 0, Half >> 8]))[0].Get("w"));
    }

    [Fact]
    public void Values_with_a_wrong_checksum_are_refused()
    {
        var path = Write(Pickle(6, 0, [6], [1]), [.. "abcdefghijkl"u8]);
        var bytes = File.ReadAllBytes(path);
        bytes[bytes.AsSpan().IndexOf("abcdef"u8)]++;
        File.WriteAllBytes(path, bytes);
        Assert.Contains("checksum of a/data/0", Assert.Throws<BadDataException>(() => TorchFile.Read(path)).Message);
    }

    [Fact]
    public void Archives_that_are_no_state_dict_say_what_they_are()
    {
        Assert.Contains("data.pkl", Refused(("a/other", [])));
        Assert.Contains("little-endian", Refused(("a/data.pkl", Pickle(6, 0, [6], [1])), ("a/byteorder", [.. "big"u8])));
        Assert.Contains("state dict", Refused(("a/data.pkl", [.. "N."u8])));

        var empty = TorchFile.Read(Write(("a/data.pkl", Pickle(6, 0, [6], [1]))))[0];
        Assert.Contains("storage 0", Assert.Throws<BadDataException>(() => empty.Get("w")).Message);

        string Refused(params (string, byte[])[] entries) => Assert.Throws<BadDataException>(() => TorchFile.Read(Write(entries))).Message;
    }

    [Theory]
    [InlineData("script.pt", "a TorchScript program", "torch.jit.load('torch.script.pt'")]
    [InlineData("phone.ptl", "for phones", "torch.jit.load('torch.phone.ptl'")]
    [InlineData("package.pt", "torch.package", "PackageImporter('torch.package.pt')")]
    public void What_PyTorch_writes_otherwise_is_told_with_its_way_out(string fixture, string kind, string wayOut)
    {
        var path = Path.Combine(AppContext.BaseDirectory, "Fixtures", $"torch.{fixture}");
        var message = Assert.Throws<BadDataException>(() => TensorFile.Read(path)).Message;
        Assert.StartsWith(path, message);
        Assert.Contains(kind, message);
        Assert.Contains(wayOut, message);
    }

    [Theory]
    [InlineData("torch.export", "m/archive_format", "m/data/weights/weight_0", "m/models/model.json")]
    [InlineData("torch.export", "serialized_exported_program.json", "serialized_state_dict.pt", "version")]
    [InlineData("TorchScript", "m/data.pkl", "m/constants.pkl", "m/code/__torch__/m.py")]
    [InlineData("Keras", "metadata.json", "config.json", "model.weights.h5")]
    [InlineData("TensorFlow", "m/saved_model.pb", "m/variables/variables.index")]
    [InlineData("NumPy", "a.npy", "b.npy")]
    [InlineData("unpack", "weights/model.pth", "weights/README.md")]
    [InlineData("unpack", "a/data.pkl", "b/data.pkl")]
    [InlineData("data.pkl", "a.txt")]
    public void Other_zip_files_are_told_with_their_way_out(string kind, params string[] entries)
    {
        var path = Write([.. entries.Select(name => (name, (byte[])[1, 2, 3]))]);
        Assert.Contains(kind, Assert.Throws<BadDataException>(() => TensorFile.Read(path)).Message);
    }

    [Theory]
    [InlineData("a JPEG image", "\u00FF\u00D8\u00FF\u00E0")]
    [InlineData("a Python pickle", "\u0080\u0004\u0095\u0001")]
    [InlineData("Git LFS", "version https://git-lfs.github.com/spec/v1\n")]
    [InlineData("a web page", "<!DOCTYPE html>")]
    [InlineData("ExecuTorch", " \0\0\0ET12")]
    [InlineData("a text file", "abc")]
    [InlineData("not a file with weights", "\u0001\u00FE\u0002")]
    [InlineData("empty", "")]
    public void Other_files_are_told_by_their_kind(string kind, string start)
    {
        var path = _folder.Add("weights.pth", System.Text.Encoding.Latin1.GetBytes(start));
        var message = Assert.Throws<BadDataException>(() => TensorFile.Read(path)).Message;
        Error.Names(message, $"{path}: ", kind);
    }

    [Fact]
    public void A_folder_names_a_file_of_weights_in_it()
    {
        var file = _folder.Add("model.safetensors", []);
        Assert.Contains(file, Assert.Throws<RiffleException>(() => TensorFile.Read(_folder.Path)).Message);
    }

    /// <summary>Its header has 640 bytes.</summary>
    [Fact]
    public void A_safetensors_file_that_begins_like_a_pickle_is_read()
    {
        var path = _folder.PathOf("w.safetensors");
        using (var stream = File.Create(path))
            SafeTensors.Write(stream, [("w", [1], new float[] { 2 })], new Dictionary<string, string> { ["a"] = new('b', 560) });
        var bytes = File.ReadAllBytes(path);
        Assert.Equal([0x80, 2], bytes[..2]);
        Assert.Equal([2], TensorFile.Read(path)[0].Get("w"));
    }

    [Fact]
    public void A_legacy_file_that_is_cut_off_anywhere_is_refused()
    {
        var whole = File.ReadAllBytes(Fixture("legacy"));
        foreach (var bytes in Damage.Truncations(whole).Skip(15))
        {
            var path = _folder.Add("cut.pth", bytes);
            Assert.StartsWith(path, Assert.Throws<BadDataException>(() => TorchFile.Read(path)).Message);
        }
    }

    [Fact]
    public void A_compressed_archive_is_refused()
    {
        var path = _folder.PathOf("compressed");
        using (var zip = ZipFile.Open(path, ZipArchiveMode.Create))
        {
            using var stream = zip.CreateEntry("a/data.pkl").Open();
            stream.Write(new byte[100_000]);
        }

        Assert.Contains("compressed", Assert.Throws<BadDataException>(() => TorchFile.Read(path)).Message);
    }

    private string Write(byte[] pickle, byte[] storage) => Write(("a/data.pkl", pickle), ("a/data/0", storage));

    private string Write(params (string Name, byte[] Bytes)[] entries) => _folder.Add("file.pth", TorchArchive.Of(entries));

    private static byte[] Pickle(int storage, int offset, int[] shape, int[] strides) =>
        TorchArchive.Pickle([("w", "Half", "0", storage, offset, shape, strides)]);
}
