using System.Text;
using System.Text.Json.Nodes;
using Riffle.Cli;
using Riffle.Data;
using Riffle.Distillation;
using Riffle.Evaluation;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Tests.Networks;
using Riffle.Tests.Training;
using Riffle.Training;

namespace Riffle.Tests.Models;

/// <summary>The JSON documents of a training, each of whose values is replaced by what must not be there: they are read, or refused by a message.</summary>
public sealed class DocumentTests : IDisposable
{
    private readonly TinyDataset _data = new(train: 6, validation: 3);

    public void Dispose() => _data.Dispose();

    [Fact]
    public void A_checkpoint() => ACheckpoint(Train(null));

    /// <summary>Whose document describes the network layer by layer; of a list the first entry stands for all.</summary>
    [Fact]
    public void A_checkpoint_of_a_network_of_one_s_own()
    {
        using var trainer = Trainer.Start(_data.Open(), NetworkSpec.Of(OwnNetwork.Create(24, 3)), Recipe, _data.Run("own"), new() { Threads = 1 });
        trainer.Run();
        trainer.Dispose();
        ACheckpoint(_data.Run("own"));
    }

    private static void ACheckpoint(string run)
    {
        var last = Path.Combine(run, "checkpoints", "last.safetensors");
        var bytes = File.ReadAllBytes(last);
        var header = JsonNode.Parse(bytes.AsSpan(8, (int)BitConverter.ToInt64(bytes)))!;
        var data = bytes[(8 + (int)BitConverter.ToInt64(bytes))..];
        EachIsReadOrRefused((string)header["__metadata__"]!["riffle"]!, text =>
        {
            header["__metadata__"]!["riffle"] = text;
            var changed = Encoding.UTF8.GetBytes(header.ToJsonString());
            File.WriteAllBytes(last, [.. BitConverter.GetBytes((long)changed.Length), .. changed, .. data]);
            Checkpoint.Load(last);
            Trainer.Resume(run, ImageCodec.Default, threads: 1).Dispose();
        });
    }

    [Fact]
    public void What_a_run_tells_of_itself()
    {
        Teach();
        var run = Train(_data.Run("soft"));
        EachIsReadOrRefused(Path.Combine(run, "run.json"), () => Trainer.Resume(run, ImageCodec.Default, threads: 1).Dispose());
    }

    [Fact]
    public void A_data_set()
    {
        using var model = Classifier.Load(Train(null));
        EachIsReadOrRefused(Path.Combine(_data.DataFolder, "dataset.json"), () =>
        {
            var data = _data.Open();
            data.FirstOfShard(Split.Train);
            Evaluator.Evaluate(model.Model, data, threads: 1);
        });
    }

    [Fact]
    public void Soft_labels()
    {
        Teach();
        var number = 0;
        EachIsReadOrRefused(Path.Combine(_data.Run("soft"), "soft-labels.json"), () =>
        {
            SoftLabels.Open(_data.Run("soft")).Load(0);
            Trainer.Start(_data.Open(), _data.Spec(), Recipe, _data.Run($"taught{number++}"), new() { Threads = 1, SoftLabels = _data.Run("soft") }).Dispose();
        });
    }

    /// <summary>Every training that begins with the weights of another has that one's record in its own.</summary>
    [Fact]
    public void A_long_line_of_trainings_is_written_and_read()
    {
        var checkpoint = Checkpoint.Load(Train(null));
        for (var i = 0; i < 100; i++)
        {
            checkpoint = new(checkpoint.Spec, checkpoint.Weights, checkpoint.Classes, checkpoint.Normalisation,
                checkpoint.Training! with { Origin = WeightsOrigin.Of(checkpoint) });
        }

        checkpoint.Save(_data.Run("line.safetensors"));
        Assert.Equal(checkpoint.Training!.Origin!.Fingerprint, Checkpoint.Load(_data.Run("line.safetensors")).Training!.Origin!.Fingerprint);
    }

    private static Recipe Recipe => TinyDataset.Recipe(epochs: 2) with { Augmentation = Augmentation.CropAndFlip };

    private string Train(string? softLabels)
    {
        var run = _data.Run("run");
        using var trainer = Trainer.Start(_data.Open(), _data.Spec(), Recipe, run, new() { Threads = 1, SoftLabels = softLabels });
        Assert.True(trainer.Run().Completed);
        return run;
    }

    private void Teach() => Teachers.Teach(
        _data.Run("soft"), [new Model(NewWeights(), _data.Open().Info.Classes, Normalisation.ImageNet)], _data.Open(), Augmentation.CropAndFlip,
        views: 1, threads: 1);

    private Weights NewWeights()
    {
        var weights = new Weights(NetworkCatalogue.Build(_data.Spec()));
        Initialisation.Fill(weights, InitialisationKind.He, seed: 1);
        return weights;
    }

    private static void EachIsReadOrRefused(string file, Action read) => EachIsReadOrRefused(File.ReadAllText(file), text =>
    {
        File.WriteAllText(file, text);
        read();
    });

    private static void EachIsReadOrRefused(string json, Action<string> read)
    {
        read(json);
        var nulls = 0;
        foreach (var (what, text) in Changes(json))
        {
            try
            {
                read(text);
            }
            catch (Exception e)
            {
                Assert.False(CommandLine.Explain(e).Message.Contains("bug in Riffle", StringComparison.Ordinal), $"{what}: {e}");
                nulls += what.Contains("null in", StringComparison.Ordinal) ? 1 : 0;
                continue;
            }

            Assert.False(what.Contains("null in", StringComparison.Ordinal), $"{what} was read");
        }

        Assert.True(nulls > 0, "no list of objects or words was there to put null in");
    }

    /// <summary>The document with each of its values replaced, and with null put into each of its lists.</summary>
    private static IEnumerable<(string What, string Text)> Changes(string json)
    {
        foreach (var path in Paths(JsonNode.Parse(json)!, []).ToArray())
        {
            foreach (var value in (string[])["null", "{}", "-1", "1e300"])
            {
                var (root, parent) = Find(json, path[..^1]);
                if (path[^1] is int index)
                    parent[index] = JsonNode.Parse(value);
                else
                    parent[(string)path[^1]] = JsonNode.Parse(value);
                yield return ($"{string.Join('.', path)} = {value}", root.ToJsonString());
            }

            var (document, node) = Find(json, path);
            if (node is JsonArray list)
            {
                list.Insert(list.Count, null);
                yield return ($"null in {string.Join('.', path)}", document.ToJsonString());
            }
        }
    }

    private static (JsonNode Root, JsonNode Node) Find(string json, object[] path)
    {
        var root = JsonNode.Parse(json)!;
        return (root, path.Aggregate(root, (node, step) => step is int index ? node[index]! : node[(string)step]!));
    }

    private static IEnumerable<object[]> Paths(JsonNode node, object[] path)
    {
        var children = node switch
        {
            JsonObject properties => properties.Where(p => p.Value is not null).Select(p => ((object)p.Key, p.Value!)),
            JsonArray list => list.Take(1).Where(item => item is not null).Select(item => ((object)0, item!)),
            _ => [],
        };
        return children.SelectMany(child => Paths(child.Item2, [.. path, child.Item1]).Prepend([.. path, child.Item1]));
    }
}
