namespace Riffle.Evaluation;

/// <summary>A classified validation image.</summary>
/// <param name="Label">Its class, as an index of the network's classes.</param>
/// <param name="Guess">The predicted class.</param>
/// <param name="Probability">The probability of the predicted class, from 0 to 1.</param>
/// <param name="OfLabel">The probability of its own class.</param>
/// <param name="Number">Its index in its split; −1 if unknown.</param>
/// <param name="Pixels">The pixels that the network saw: row by row, red first.</param>
internal sealed record ClassifiedImage(int Label, int Guess, float Probability, float OfLabel, int Number, byte[] Pixels);

/// <summary>Keeps the classified images that rank highest.</summary>
internal sealed class RankedImages
{
    private readonly int _most;
    private readonly Func<bool, float, float?> _rank;
    private readonly List<(float Rank, ClassifiedImage Image)> _kept = [];

    private RankedImages(int most, Func<bool, float, float?> rank) => (_most, _rank) = (most, rank);

    /// <summary>The misclassified images with the highest probability: hard images, or wrong labels.</summary>
    /// <param name="most">The maximum number to keep.</param>
    public static RankedImages Mistakes(int most) => new(most, (isRight, probability) => isRight ? null : probability);

    /// <summary>The images whose prediction has the lowest probability, right or wrong.</summary>
    /// <param name="most">The maximum number to keep.</param>
    public static RankedImages LeastSure(int most) => new(most, (_, probability) => -probability);

    /// <summary>The highest first; among equal ones, in their order of arrival.</summary>
    public IReadOnlyList<ClassifiedImage> Kept => [.. _kept.Select(kept => kept.Image)];

    /// <summary>Adds an image if it ranks high enough. Copies its pixels only then.</summary>
    public void Add(ReadOnlySpan<float> logits, int label, int number, ReadOnlySpan<byte> pixels)
    {
        var guess = ConfusionMatrix.Predicted(logits);
        var probability = (float)Math.Exp(-Tally.CrossEntropy(logits, guess));
        if (_rank(guess == label, probability) is not { } rank)
            return;
        var place = _kept.FindIndex(kept => rank > kept.Rank);
        if (place < 0 && _kept.Count == _most)
            return;
        var ofLabel = (float)Math.Exp(-Tally.CrossEntropy(logits, label));
        Keep(place, rank, new(label, guess, probability, ofLabel, number, pixels.ToArray()));
    }

    /// <summary>What is kept, for <see cref="AddAll"/> on another rank.</summary>
    public byte[] ToBytes()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        foreach (var (rank, image) in _kept)
        {
            writer.Write(rank);
            writer.Write(image.Label);
            writer.Write(image.Guess);
            writer.Write(image.Probability);
            writer.Write(image.OfLabel);
            writer.Write(image.Number);
            writer.Write(image.Pixels.Length);
            writer.Write(image.Pixels);
        }

        return stream.ToArray();
    }

    /// <summary>Adds what another rank has kept of images that come after those here.</summary>
    public void AddAll(byte[] kept)
    {
        using var reader = new BinaryReader(new MemoryStream(kept));
        while (reader.BaseStream.Position < kept.Length)
        {
            var rank = reader.ReadSingle();
            var image = new ClassifiedImage(
                reader.ReadInt32(), reader.ReadInt32(), reader.ReadSingle(), reader.ReadSingle(), reader.ReadInt32(), reader.ReadBytes(reader.ReadInt32()));
            var place = _kept.FindIndex(other => rank > other.Rank);
            if (place >= 0 || _kept.Count < _most)
                Keep(place, rank, image);
        }
    }

    private void Keep(int place, float rank, ClassifiedImage image)
    {
        _kept.Insert(place < 0 ? _kept.Count : place, (rank, image));
        if (_kept.Count > _most)
            _kept.RemoveAt(_most);
    }
}
