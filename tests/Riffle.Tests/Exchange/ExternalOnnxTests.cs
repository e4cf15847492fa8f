using System.Text.Json;
using Riffle.Data;
using Riffle.Tests.Formats;
using Riffle.Training;

namespace Riffle.Tests.Exchange;

/// <summary>torchvision's ImageNet weights of shufflenet_v2_x0_5, exported by others in half precision, on photos with ONNX Runtime's answers.</summary>
public class ExternalOnnxTests
{
    private static string Network => ExternalData.PathOf("shufflenet_v2_x0_5.half.dynamic.onnx");

    /// <summary>
    /// Of the reference's weights this file has what is left after folding and rounding to half precision, and so ONNX Runtime too gives 0.645631 for the first
    /// class of the first photo (on the same pixels, all of the file's numbers as floats) where the reference has 0.637945.
    /// </summary>
    [ExternalFact]
    public void Photos_have_the_same_top_5_in_the_same_order_with_probabilities_as_near_as_half_precision_allows()
    {
        using var classifier = new Classifier(Model.Open(Network));
        var hits = 0;
        foreach (var (file, label, top5, probabilities) in References())
        {
            var guesses = classifier.Classify(ExternalData.PathOf(Path.Combine("photos", file)));
            Assert.Equal(top5, guesses.Select(guess => guess.Index));
            Assert.All(guesses.Zip(probabilities), pair => Assert.Equal(pair.Second, pair.First.Probability, 0.01));
            if (file == References()[0].File)
                Assert.Equal(0.645631, guesses[0].Probability, 1e-4);
            hits += guesses[0].Index == label ? 1 : 0;
        }

        Assert.Equal(References().Count(reference => reference.Top5[0] == reference.Label), hits);
    }

    /// <summary>The whole way of a user: class folders, prepared, evaluated with a list of names.</summary>
    [ExternalFact]
    public void A_folder_of_photos_evaluates_to_ONNX_Runtime_s_count_of_hits()
    {
        using var folder = new TemporaryFolder();
        var names = ClassNames.Read(ExternalData.PathOf("imagenet_class_names.txt"));
        foreach (var (file, label, _, _) in References())
        {
            foreach (var part in (string[])["train", "val"])
            {
                var place = Path.Combine(folder.Path, "photos", part, names[label].Name);
                Directory.CreateDirectory(place);
                File.Copy(ExternalData.PathOf(Path.Combine("photos", file)), Path.Combine(place, file));
            }
        }

        var data = folder.PathOf("data");
        Preparation.Run(Path.Combine(folder.Path, "photos"), data, new());
        var result = Evaluator.Evaluate(Model.Open(Network, new(names)), Dataset.Open(data), threads: 1);
        Assert.Equal(References().Count, result.Images);
        double Percent(Func<Reference, bool> isHit) => 100.0 * References().Count(isHit) / References().Count;
        Assert.Equal(Percent(reference => reference.Top5[0] == reference.Label), result.Top1, 1e-9);
        Assert.Equal(Percent(reference => reference.Top5.Contains(reference.Label)), result.Top5, 1e-9);
    }

    private static List<Reference> References()
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(ExternalData.PathOf(Path.Combine("photos", "reference.json"))));
        return
        [
            .. from image in json.RootElement.GetProperty("images").EnumerateArray()
               select new Reference(
                   image.GetProperty("file").GetString()!,
                   image.GetProperty("label").GetInt32(),
                   [.. image.GetProperty("top5").EnumerateArray().Select(value => value.GetInt32())],
                   [.. image.GetProperty("prob").EnumerateArray().Select(value => value.GetDouble())]),
        ];
    }

    private sealed record Reference(string File, int Label, int[] Top5, double[] Probabilities);
}
