using System.Text.Json;
using Riffle.Formats;
using Riffle.Formats.Protos;

namespace Riffle.Tests.Formats;

public class EventFileWriterTests
{
    [Fact]
    public void Scalars_are_written_as_TensorFlow_2_writes_them()
    {
        using var folder = new TemporaryFolder();
        string train = folder.PathOf("train");
        using (var writer = new EventFileWriter(train))
        {
            writer.Scalar("epoch_loss", 0, 5.25f, 1000.5);
            writer.Scalar("epoch_accuracy", 0, 0.125f, 1000.5);
            writer.Flush();
            Assert.Equal(3, Read(writer.Path).Count);
            writer.Scalar("epoch_loss", 1, float.NaN, 1001);
        }

        string file = Path.GetFileName(Assert.Single(Directory.GetFiles(train)));
        Assert.Matches(@"^events\.out\.tfevents\.\d{10}\..+\.\d+\.\d+\.v2$", file);
        var events = Read(Path.Combine(train, file));
        Assert.Equal("brain.Event:2", events[0].FileVersion);
        Assert.Equal(
            [("epoch_loss", 0L, 5.25f, 1000.5), ("epoch_accuracy", 0L, 0.125f, 1000.5), ("epoch_loss", 1L, float.NaN, 1001.0)],
            events.Skip(1).Select(Scalar));
    }

    [Fact]
    public void A_run_that_goes_on_writes_a_file_of_its_own()
    {
        using var folder = new TemporaryFolder();
        for (int i = 0; i < 3; i++)
        {
            using var writer = new EventFileWriter(folder.Path);
            writer.Scalar("epoch_loss", i, i, i);
        }

        Assert.Equal([0L, 1, 2], Directory.GetFiles(folder.Path).Select(path => Scalar(Read(path)[1]).Step).Order());
    }

    [Fact]
    public void A_folder_that_can_not_be_made_is_named()
    {
        using var folder = new TemporaryFolder();
        string file = folder.Add("file", []);
        Assert.StartsWith(file, Assert.Throws<RiffleException>(() => new EventFileWriter(Path.Combine(file, "train"))).Message);
    }

    [Fact]
    public void Histograms_are_TensorBoard_s_thirty_buckets()
    {
        float[] values = [-1, -1, -0.99f, 0, 1.91f, 1.95f, 2];
        var rows = Rows(EventValues.Histogram("w", values));
        Assert.Equal(30, rows.Length);
        Assert.Equal((-1, -0.9, 3), (rows[0].Left, Math.Round(rows[0].Right, 9), rows[0].Count));
        Assert.Equal((2.0, 3.0), (rows[29].Right, rows[29].Count));
        Assert.Equal((1.0, 0.0), (rows[10].Count, Math.Round(rows[10].Left, 9)));
        Assert.Equal(7, rows.Sum(row => row.Count));
        Assert.Equal([(2.5, 3.5, 4.0)], Rows(EventValues.Histogram("w", new float[] { 3, 3, 3, 3 })));
        Assert.Empty(Rows(EventValues.Histogram("w", [])));

        static (double Left, double Right, double Count)[] Rows(Summary.Types.Value value)
        {
            var tensor = value.Tensor;
            Assert.Equal(("histograms", DataType.DtDouble, 3), (value.Metadata.PluginData.PluginName, tensor.Dtype, tensor.TensorShape.Dim[1].Size));
            var numbers = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, double>(tensor.TensorContent.Span).ToArray();
            return [.. numbers.Chunk(3).Select(row => (row[0], row[1], row[2]))];
        }
    }

    [Fact]
    public void Events_that_are_not_wanted_go_with_what_a_crash_left_unfinished()
    {
        using var folder = new TemporaryFolder();
        string path;
        using (var writer = new EventFileWriter(folder.Path))
        {
            path = writer.Path;
            for (int i = 1; i <= 3; i++) writer.Scalar("epoch_loss", i, i, i);
        }

        byte[] whole = File.ReadAllBytes(path);
        Assert.Equal(4, EventFile.Keep(path, _ => true).Count);
        Assert.Equal(whole, File.ReadAllBytes(path));
        Assert.Equal([0L, 1, 2], EventFile.Keep(path, e => e.Step < 3).Select(e => e.Step));
        Assert.Equal([0L, 1, 2], Read(path).Select(e => e.Step));
        File.WriteAllBytes(path, whole[..^5]);
        Assert.Equal([0L, 1, 2], EventFile.Keep(path, _ => true).Select(e => e.Step));
        Assert.Equal([0L, 1, 2], Read(path).Select(e => e.Step));
    }

    /// <summary>A hundred points of one curve.</summary>
    [ExternalFact]
    public void What_TensorFlow_wrote_is_read()
    {
        const string Name = "tf2_summary_writer.v2.tfevents";
        using var reference = JsonDocument.Parse(File.ReadAllBytes(ExternalData.PathOf("events/reference.json")));
        var expected = reference.RootElement.GetProperty(Name);
        var metric = expected.GetProperty("tags").GetProperty("my_metric");

        var events = Read(ExternalData.PathOf("events/" + Name));
        Assert.Equal(expected.GetProperty("events").GetInt32(), events.Count);
        Assert.Equal(expected.GetProperty("first").GetProperty("file_version").GetString(), events[0].FileVersion);
        Assert.Equal(expected.GetProperty("first").GetProperty("wall").GetDouble(), events[0].WallTime);
        var scalars = events.Skip(1).Select(Scalar).ToList();
        Assert.Equal(metric.GetProperty("n").GetInt32(), scalars.Count);
        Assert.All(scalars, scalar => Assert.Equal("my_metric", scalar.Tag));
        foreach (var (scalar, which) in new[] { (scalars[0], "first"), (scalars[^1], "last") })
            Assert.Equal((metric.GetProperty(which)[0].GetInt64(), metric.GetProperty(which)[1].GetSingle()), (scalar.Step, scalar.Value));
    }

    static List<Event> Read(string path) => [.. EventFile.Read(path)];

    static (string Tag, long Step, float Value, double WallTime) Scalar(Event e)
    {
        var value = Assert.Single(e.Summary.Value);
        Assert.Equal("scalars", value.Metadata.PluginData.PluginName);
        Assert.Equal(DataType.DtFloat, value.Tensor.Dtype);
        Assert.Empty(value.Tensor.TensorShape.Dim);
        return (value.Tag, e.Step, EventValues.ScalarOf(value)!.Value, e.WallTime);
    }
}
