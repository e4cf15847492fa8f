using System.Buffers.Binary;
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

    static List<Event> Read(string path)
    {
        using var reader = new TFRecordReader(path);
        var events = new List<Event>();
        while (reader.TryRead(out var record)) events.Add(Event.Parser.ParseFrom(record.Span));
        return events;
    }

    static (string Tag, long Step, float Value, double WallTime) Scalar(Event e)
    {
        var value = Assert.Single(e.Summary.Value);
        Assert.Equal("scalars", value.Metadata.PluginData.PluginName);
        Assert.Equal(DataType.DtFloat, value.Tensor.Dtype);
        Assert.Empty(value.Tensor.TensorShape.Dim);
        Assert.Equal(sizeof(float), value.Tensor.TensorContent.Length);
        return (value.Tag, e.Step, BinaryPrimitives.ReadSingleLittleEndian(value.Tensor.TensorContent.Span), e.WallTime);
    }
}
