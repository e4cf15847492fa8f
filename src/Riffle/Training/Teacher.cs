using System.Security.Cryptography;
using Riffle.Data;
using Riffle.Execution;
using Riffle.Networks;

namespace Riffle.Training;

/// <summary>Which network taught another.</summary>
/// <param name="Network">Its name.</param>
/// <param name="Top1">Its validation top-1 in percent, where its checkpoint tells.</param>
/// <param name="Fingerprint">Of its weights: the same for the same bits.</param>
public sealed record TeacherIdentity(string Network, double? Top1, string Fingerprint)
{
    /// <summary>The identity of a checkpoint.</summary>
    public static TeacherIdentity Of(Checkpoint checkpoint)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var p in checkpoint.Weights.Network.Parameters)
            hash.AppendData(System.Runtime.InteropServices.MemoryMarshal.AsBytes(checkpoint.Weights[p.Name]));
        return new(checkpoint.Spec.Name, checkpoint.Training?.Best?.Validation.Top1, Convert.ToHexStringLower(hash.GetHashAndReset())[..16]);
    }
}

/// <summary>A trained network that says of each training image, as it was augmented, what it sees in it.</summary>
internal sealed class Teacher : IDisposable
{
    private readonly InferencePlan _plan;
    private readonly Normalisation _normalisation;
    private readonly Distillation _how;
    private readonly float[] _logits;

    /// <summary>Plans its work.</summary>
    /// <param name="checkpoint">The teacher; see <see cref="Require"/>.</param>
    /// <param name="how">How its word counts.</param>
    /// <param name="batch">Most images in a batch.</param>
    /// <param name="threads">Threads that compute; 0: one per core.</param>
    public Teacher(Checkpoint checkpoint, Distillation how, int batch, int threads)
    {
        (_normalisation, _how) = (checkpoint.Normalisation, how);
        _plan = new(checkpoint.Weights, batch, threads);
        _logits = new float[batch * checkpoint.Spec.Classes];
    }

    /// <summary>Refuses a teacher of other images or other classes than the pupil's.</summary>
    /// <exception cref="ArgumentException">Says how they differ.</exception>
    public static void Require(Checkpoint teacher, NetworkSpec pupil, IReadOnlyList<DatasetClass> classes)
    {
        if (teacher.Spec.ImageSize != pupil.ImageSize)
        {
            throw new ArgumentException($"the teacher sees images of {teacher.Spec.ImageSize}×{teacher.Spec.ImageSize} pixels, {pupil.Name} of "
                + $"{pupil.ImageSize}×{pupil.ImageSize}; give both the same size");
        }

        if (!teacher.Classes.Select(c => c.Name).SequenceEqual(classes.Select(c => c.Name)))
            throw new ArgumentException($"the teacher knows {teacher.Classes.Count} classes, which are not the {classes.Count} of the data set in its order");
    }

    /// <summary>What it makes of a batch; valid until the next call. Allocates nothing.</summary>
    public Teaching Look(Batch batch)
    {
        _plan.Run(batch.Pixels, batch.Count, _normalisation, _logits);
        return new(_logits.AsSpan(0, batch.Count * _plan.Weights.Network.Classes), (float)_how.Share, (float)_how.Temperature);
    }

    public void Dispose() => _plan.Dispose();
}
