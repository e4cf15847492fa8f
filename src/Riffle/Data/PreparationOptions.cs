namespace Riffle.Data;

/// <summary>How a data set is prepared.</summary>
public sealed record PreparationOptions
{
    /// <summary>The part of each class that is set aside where the source has no validation images and nothing else is asked for.</summary>
    public const double DefaultFraction = 0.1;

    /// <summary>
    /// Part of each class to set aside for validation, from 0 to below 1; only for a source that has no validation images with classes. Images for testing then
    /// don't take their place.
    /// </summary>
    public double? ValidationFraction { get; init; }

    /// <summary>Decides which images are set aside, the order of records, and how baked copies are augmented.</summary>
    public ulong Seed { get; init; }

    /// <summary>Training shards, from 1 to 99,999; validation has a quarter as many. There are never more shards than images.</summary>
    public int Shards { get; init; } = 16;

    /// <summary>How TFRecords that another program wrote are understood.</summary>
    public TFRecordOptions Records { get; init; } = TFRecordOptions.Detect;

    /// <summary>
    /// The code page of names in a zip or tar file that does not say it, as <c>shift_jis</c>; null: UTF-8 where they can be, else code page 437.
    /// </summary>
    public string? NameEncoding { get; init; }

    /// <summary>Stop at the first thing that would be left out.</summary>
    public bool Strict { get; init; }

    /// <summary>Augmented copies of each training image to store instead of its original bytes, from 1 to 1,000; 0 stores the original bytes.</summary>
    public int BakeCopies { get; init; }

    /// <summary>Height and width of baked images, from 8 to 1,024 pixels.</summary>
    public int BakeSize { get; init; } = 56;

    /// <summary>Threads that decode, from 1. The result doesn't depend on it.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Take the place of a data set that is already there.</summary>
    public bool Replace { get; init; }

    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    internal void Check()
    {
        Require(ValidationFraction is null or (>= 0 and < 1), $"--validation-fraction must be from 0 to below 1, for example 0.1, not {ValidationFraction}");
        Require(Shards is >= 1 and <= DatasetFiles.MaxShards, $"--shards must be from 1 to {DatasetFiles.MaxShards}, not {Shards}");
        Require(BakeCopies is >= 0 and <= 1000, $"--bake must be from 1 to 1000, or 0 for none, not {BakeCopies}");
        Require(BakeSize is >= 8 and <= 1024, $"--bake-size must be from 8 to 1024 pixels, not {BakeSize}");
        Require(Threads >= 1, $"--threads must be at least 1, not {Threads}");
    }

    private static void Require(bool condition, string message)
    {
        if (!condition)
            throw new ArgumentException(message);
    }
}
