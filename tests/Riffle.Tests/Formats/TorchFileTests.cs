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
        Assert.Contains("no tensor 'weight'", Assert.Throws<BadDataException>(() => file.Get("weight")).Message);
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
            Assert.Contains("'other' is made by posix.system", error.Message);
            Assert.Contains("state_dict", error.Message);
        }
    }

    [Fact]
    public void A_whole_model_is_read_as_its_state_dict()
    {
        var file = Assert.Single(TensorFile.Read(Fixture("module")));
        Assert.Equal(["weight", "bias"], file.Names);
        Assert.Equal([2, 2], file.Shape("weight").ToArray());
        Assert.Equal(4, file.Get("weight").Length);
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
            Assert.Contains("'w' lies outside", Assert.Throws<BadDataException>(() => TorchFile.Read(path)[0].Shape("w")).Message);
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
        Assert.Contains("again and again", Assert.Throws<BadDataException>(() => file.Get("w")).Message);
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
        Assert.Contains("without a data.pkl", Refused(("a/other", [])));
        Assert.Contains("TorchScript", Refused(("a/data.pkl", Pickle(6, 0, [6], [1])), ("a/constants.pkl", [])));
        Assert.Contains("little-endian", Refused(("a/data.pkl", Pickle(6, 0, [6], [1])), ("a/byteorder", [.. "big"u8])));
                Assert.Contains("no state dict", Refused(("a/data.pkl", [.. "N."u8])));

        var empty = TorchFile.Read(Write(("a/data.pkl", Pickle(6, 0, [6], [1]))))[0];
        Assert.Contains("no storage 0", Assert.Throws<BadDataException>(() => empty.Get("w")).Message);

        string Refused(params (string, byte[])[] entries) => Assert.Throws<BadDataException>(() => TorchFile.Read(Write(entries))).Message;
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
