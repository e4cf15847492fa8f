namespace Riffle.Data;

/// <summary>How a data set is prepared.</summary>
public sealed record PreparationOptions
{
    /// <summary>The default share of each class to set aside if the source has no validation images.</summary>
    public const double DefaultFraction = 0.1;

    /// <summary>
    /// Share of each class to set aside for validation, from 0 to below 1. Only allowed if the source has no labelled validation images, or with
    /// <see cref="IgnoreValidation"/>; labelled test images are then for testing.
    /// </summary>
    public double? ValidationFraction { get; init; }

    /// <summary>
    /// Which part of the images is set aside for validation, from 0: with a fraction of 0.2, folds 0 to 4 set each image aside once, for five-fold cross-validation.
    /// </summary>
    public int Fold { get; init; }

    /// <summary>
    /// Share of each class to set aside for testing, from 0 to below 1; null: none. Only allowed if the source has no labelled test images of its own beside
    /// validation images, or with <see cref="IgnoreValidation"/>. It does not change which images are set aside for validation.
    /// </summary>
    public double? TestFraction { get; init; }

    /// <summary>
    /// A .NET regular expression on an image's path, as <c>CLASS/patient7-2.jpg</c> or <c>train/CLASS/…</c>. Images from whose paths it captures the same
    /// text (its first group, or the whole match) belong together and are set aside together, whatever their classes; an image that it doesn't match belongs
    /// to no other. Null: each image is alone.
    /// </summary>
    public string? GroupBy { get; init; }

    /// <summary>
    /// Leave the source's own validation and test images out, and set training images aside instead. So recipes can be compared without a look at the images that
    /// the result is measured with.
    /// </summary>
    public bool IgnoreValidation { get; init; }

    /// <summary>
    /// A prepared data set whose images come too, each in the split that it has there; null: none. Images of the source that it has already, byte for byte, are left
    /// out. The others are set aside as its images were, unless the options say otherwise.
    /// </summary>
    public string? AddTo { get; init; }

    /// <summary>Seed of which images are set aside, of the order of records, and of the augmentation of baked copies.</summary>
    public ulong Seed { get; init; }

    /// <summary>Training shards, from 1 to 99,999; validation and test have a quarter as many. There are never more shards than images.</summary>
    public int Shards { get; init; } = 16;

    /// <summary>How to read TFRecords from other programs.</summary>
    public TFRecordOptions Records { get; init; } = TFRecordOptions.Detect;

    /// <summary>
    /// The code page of names in a zip or tar file that does not declare it, for example <c>shift_jis</c>; null: UTF-8 if they are valid, otherwise code page 437.
    /// </summary>
    public string? NameEncoding { get; init; }

    /// <summary>Stop instead of skipping a file.</summary>
    public bool Strict { get; init; }

    /// <summary>Augmented copies of each training image to store instead of its original bytes, from 1 to 1,000; 0 stores the original bytes.</summary>
    public int BakeCopies { get; init; }

    /// <summary>Height and width of baked images, from 8 to 1,024 pixels.</summary>
    public int BakeSize { get; init; } = 56;

    /// <summary>Threads that decode, from 1. Does not change the result.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Replace an existing data set.</summary>
    public bool Replace { get; init; }

    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    internal void Check()
    {
        Require(ValidationFraction is null or (>= 0 and < 1), $"the share of validation images must be from 0 to below 1, for example 0.1, not {ValidationFraction}", "validation-fraction");
        Require(TestFraction is null or (>= 0 and < 1), $"the share of test images must be from 0 to below 1, for example 0.1, not {TestFraction}", "test-fraction");
        Require(
            (ValidationFraction ?? DefaultFraction) + (TestFraction ?? 0) < 1,
            $"shares of {ValidationFraction ?? DefaultFraction} for validation and {TestFraction} for the test leave nothing for training; they must be less than 1 in all", "test-fraction");
        Require(
            Fold >= 0 && (Fold == 0 || (Fold + 1) * (ValidationFraction ?? DefaultFraction) < 1 + 1e-9),
            $"the fold must be from 0 to {(int)(1 / (ValidationFraction ?? DefaultFraction) + 1e-9) - 1} with {ValidationFraction ?? DefaultFraction} for validation, not {Fold}", "fold");
        if (GroupBy is not null)
            _ = new ImageGroups(GroupBy);
        Require(Shards is >= 1 and <= DatasetFiles.MaxShards, $"the number of shards must be from 1 to {DatasetFiles.MaxShards}, not {Shards}", "shards");
        Require(BakeCopies is >= 0 and <= 1000, $"the number of baked copies must be from 1 to 1000, or 0 for none, not {BakeCopies}", "bake");
        Require(BakeSize is >= 8 and <= 1024, $"the size of baked images must be from 8 to 1024 pixels, not {BakeSize}", "bake-size");
        Require(Threads >= 1, $"the number of threads must be at least 1, not {Threads}", "threads");
    }

    private static void Require(bool condition, string message, string option)
    {
        if (!condition)
            throw new AdvisedArgumentException($"{message}.") { CommandLineAdvice = $"Give another --{option}." };
    }
}
