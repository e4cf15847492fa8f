using Riffle.Data;
using Riffle.Data.Sources;

namespace Riffle.Tests.Data.Sources;

/// <summary>How folders are understood, by their names alone. A folder of a case is <c>path*count</c>: so many images; <c>path=name</c> is one file.</summary>
public sealed class LayoutTests
{
    public static TheoryData<string, string, string, string, int, int> Layouts => new()
    {
        // Names of the parts.
        { "train/cat*3 train/dog*3 val/cat*1 val/dog*2", "train/CLASS for training, val/CLASS for validation", "cat,dog", "", 6, 3 },
        { "Training/cat*3 Training/dog*3 Testing/cat*1 Testing/dog*2", "Training/CLASS for training, Testing/CLASS for validation", "cat,dog", "", 6, 3 },
        { "Training/cat*3 Training/dog*3 Test/cat*1 Test/dog*2", "Training/CLASS for training, Test/CLASS for validation", "cat,dog", "", 6, 3 },
        { "TRAIN/cat*3 TRAIN/dog*3 VALID/cat*1 TEST/dog*2", "TRAIN/CLASS for training, VALID/CLASS for validation, TEST/CLASS for testing", "cat,dog", "", 6, 1 },
        { "train/cat*3 train/dog*3 valid/cat*1 valid/dog*2 test/cat*4", "train/CLASS for training, valid/CLASS for validation, test/CLASS for testing", "cat,dog", "", 6, 3 },
        { "train_set/cat*3 train_set/dog*3 dev_set/cat*1", "train_set/CLASS for training, dev_set/CLASS for validation", "cat,dog", "", 6, 1 },
        { "images_train/cat*3 images_train/dog*3 images_val/cat*1", "images_train/CLASS for training, images_val/CLASS for validation", "cat,dog", "", 6, 1 },
        { "trainset/cat*3 trainset/dog*3 testset/cat*1", "trainset/CLASS for training, testset/CLASS for validation", "cat,dog", "", 6, 1 },
        { "TrainData/cat*3 TrainData/dog*3 ValidationData/cat*1", "TrainData/CLASS for training, ValidationData/CLASS for validation", "cat,dog", "", 6, 1 },
        { "train-2023/cat*3 train-2023/dog*3 eval-2023/cat*1", "train-2023/CLASS for training, eval-2023/CLASS for validation", "cat,dog", "", 6, 1 },
        { "brain_train/cat*3 brain_train/dog*3 brain_test/cat*1", "brain_train/CLASS for training, brain_test/CLASS for validation", "cat,dog", "", 6, 1 },
        { "trainval/cat*3 trainval/dog*3 test/cat*1", "trainval/CLASS for training, test/CLASS for validation", "cat,dog", "", 6, 1 },
        { "ILSVRC2012_img_train/n1*3 ILSVRC2012_img_train/n2*3 ILSVRC2012_img_val*5",
            "ILSVRC2012_img_train/CLASS for training", "n1,n2", "5 ILSVRC2012_img_val/", 6, 0 },

        // Wrappers and what lies beside.
        { "seg_train/seg_train/sea*3 seg_train/seg_train/ice*3 seg_test/seg_test/sea*1 seg_pred/seg_pred*7",
            "seg_train/seg_train/CLASS for training, seg_test/seg_test/CLASS for validation", "ice,sea", "7 seg_pred/", 6, 1 },
        { "archive/train/a*2 archive/train/b*2 archive/val/a*1 =README.md archive=LICENSE",
            "archive/train/CLASS for training, archive/val/CLASS for validation", "a,b", "", 4, 1 },
        { "data/train/a*2 data/train/b*2 data/test/a*1 docs*3",
            "data/train/CLASS for training, data/test/CLASS for validation", "a,b", "3 docs/", 4, 1 },
        { "x/train/a*2 x/train/b*2 x/val/a*1 x/x/train/a*2 x/x/train/b*2 x/x/val/a*1",
            "x/train/CLASS for training, x/val/CLASS for validation", "a,b", "5 x/x/", 4, 1 },
        { "train/images/a*2 train/images/b*2 val/images/a*1", "train/images/CLASS for training, val/images/CLASS for validation", "a,b", "", 4, 1 },
        { "train/a*2 train/b*2 val/a*1 figures*3", "train/CLASS for training, val/CLASS for validation", "a,b", "3 figures/", 4, 1 },
        { "photos/a*2 photos/b*2 photos=logo.png", "photos/CLASS for training", "a,b", "", 4, 0 },
        { "images/train/a*2 images/train/b*2 images/val/a*1 labels/train=1.txt",
            "images/train/CLASS for training, images/val/CLASS for validation", "a,b", "", 4, 1 },

        // Images for validation or testing without classes.
        { "train/a*2 train/b*2 val*4", "train/CLASS for training", "a,b", "4 val/", 4, 0 },
        { "train/a*2 train/b*2 val/images*4", "train/CLASS for training", "a,b", "4 val/", 4, 0 },
        { "train/a*2 train/b*2 val*4 test/a*3", "train/CLASS for training, test/CLASS for validation", "a,b", "4 val/", 4, 3 },
        { "train/a*2 train/b*2 val*4 test1/a*1 test2/a*1", "train/CLASS for training", "a,b", "1 test1/|1 test2/|4 val/", 4, 0 },
        { "train/a*2 train/b*2 test1*4", "train/CLASS for training", "a,b", "4 test1/", 4, 0 },
        { "train/a*2 train/b*2 val/A*1 val/c*2", "train/CLASS for training", "a,b", "", 4, 0 },
        { "train/a*2 train/b*2 test/a*1 test_hard/a*1 val/b*1", "train/CLASS for training, val/CLASS for validation", "a,b", "1 test/|1 test_hard/", 4, 1 },

        // Classes that are called as parts are.
        { "bus*3 car*3 train*3", "CLASS for training", "bus,car,train", "", 9, 0 },
        { "bus/x*3 car/x*2 car/y*1 train/x*3", "CLASS for training", "bus,car,train", "", 9, 0 },
        { "train/bus*3 train/car*3 train/train*3 val/train*1", "train/CLASS for training, val/CLASS for validation", "bus,car,train", "", 9, 1 },
        { "test*3 exam*3", "CLASS for training", "exam,test", "", 6, 0 },
        { "test_tube*3 train_station*3", "CLASS for training", "test_tube,train_station", "", 6, 0 },
        { "a*3 b*3 val/a*1 val/b*1", "CLASS for training, val/CLASS for validation", "a,b", "", 6, 2 },
        { "a*3 b*3 test/a*1 test/b*1 pred*2", "CLASS for training, test/CLASS for validation", "a,b", "2 pred/", 6, 2 },

        // Parts in classes.
        { "a/train*3 a/val*1 b/train*2 b/val*1", "CLASS/train for training, CLASS/val for validation", "a,b", "", 5, 2 },
        { "a/train*3 a/test*1 b/train*2 b/test*1 b/masks*4", "CLASS/train for training, CLASS/test for validation", "a,b", "4 b/masks/", 5, 2 },
        { "x/a/Train*3 x/a/Test*1 x/b/Train*2 x/b/valid*1", "x/CLASS/Train for training, x/CLASS/valid for validation, x/CLASS/Test for testing", "a,b", "", 5, 1 },

        // Classes alone.
        { "a*3 b*3", "CLASS for training", "a,b", "", 6, 0 },
        { "a/x*3 a/y*1 b/x/z*3", "CLASS for training", "a,b", "", 7, 0 },
        { "0*3 1*3 10*3", "CLASS for training", "0,1,10", "", 9, 0 },
        { "test/a*3 test/b*3", "test/CLASS for training", "a,b", "", 6, 0 },
        { "train/a*3 train/b*3", "train/CLASS for training", "a,b", "", 6, 0 },
    };

    [Theory]
    [MemberData(nameof(Layouts))]
    public void A_layout_is_recognised(string folders, string shown, string classes, string leftOut, int train, int validation)
    {
        var layout = Find(folders);
        Assert.Equal((shown, classes), (layout.Shown, string.Join(',', layout.Classes.Select(c => c.Name))));
        Assert.Equal((train, validation), (Count(layout, Split.Train), Count(layout, Split.Validation)));
        Assert.Equal(leftOut, string.Join('|', layout.LeftOut.SelectMany(left => left.Examples.Select(one => $"{left.Count / left.Examples.Length} {one}"))));
    }

    [Theory]
    [InlineData("train*3 test*3", "train/ ", " 3 images")]
    [InlineData("train2017*3 val2017*3 annotations=a.json", "train2017/ ", " 3 images")]
    [InlineData("train/images*3 valid/images*3 train/labels=1.txt", "train/images/ ", " 3 images")]
    [InlineData("train*3 test/a*3 test/b*3", "train/ ", " 3 images")]
    [InlineData("train*3 test*3 sample*2", "train/ ", " 3 images")]
    [InlineData("train*3", "train/ ", " 3 images")]
    [InlineData("val/a*3 val/b*2 test/a*2 test/b*2", "test/, val/, ", "training")]
    [InlineData("test/a*3 test/b*2 pred*2", "pred/, test/, ", "training")]
    [InlineData("train/a*3 train/b*2 Training/a*2 Training/b*2 val/a*1", "several training ", "Training/, train/")]
    [InlineData("train/a*3 train/b*2 val/a*2 dev/b*2", "several validation ", "dev/, val/")]
    [InlineData("train/a*3 train/b*2 test1/a*2 test2/b*2", "several test ", "test1/, test2/")]
    [InlineData("cats_train*3 cats_test*3 dogs_train*3 dogs_test*3", "cats_test/, cats_train/ ", "same class")]
    [InlineData("a/train*3 a/test*2 b*2", "a/ ", " b/;")]
    [InlineData("x/train/a*2 x/train/b*2 x/val/a*1 x/val/b*1 y/train/a*2 y/train/b*2 y/val/a*1", "x/, y/ ", "one of these")]
    [InlineData("x/train/a*2 x/train/b*2 y/test/a*1 y/test/b*1", "x/ ", " y/ ", "both into one folder")]
    [InlineData("x/train/a*2 x/train/b*2 y/val*3", "x/ ", " y/ ", "both into one folder")]
    [InlineData("sick*3 well*3 cells/sick*3 cells/well*3", "cells/ ", "sick/, well/")]
    [InlineData("cat*3", "one class, cat;")]
    [InlineData("train/cat*3 val/cat*3", "one class, cat;")]
    [InlineData("photos/cat*3", "one class, cat;")]
    [InlineData("cat*3 dog=notes.txt", "one class, cat;")]
    [InlineData("=a.jpg =b.jpg", "no class folders", " 2 images")]
    [InlineData("=notes.txt", "no class folders", "no images")]
    [InlineData("cat=1.heic cat=2.HEIC dog=1.tif dog=2.heic", "3 HEIC images, 1 TIFF image in 2 class folders", "mogrify")]
    [InlineData("train/cat=1.heic train/dog=1.heic val/cat=3.heic", "2 HEIC images in 2 class folders")]
    [InlineData("cat=1.jpg dog=1.tif", "1 TIFF image in 1 class folder", "one class, cat.")]
    public void What_is_ambiguous_or_no_data_set_is_refused_by_name(string folders, params string[] names) =>
        Error.Names(Assert.Throws<BadDataException>(() => Find(folders)).Message, ["source: ", .. names]);

    [Theory]
    [InlineData("train/a*2 train/b*2 test/a*1", "test/ ", "set aside")]
    [InlineData("train/a*2 train/b*2 val*4", "no image in val/ ")]
    [InlineData("bus*3 car*3 train*3", "train/ is treated as a class")]
    [InlineData("a*3 b*3 unlabeled*9", "unlabeled/ is treated as a class")]
    [InlineData("art/a*1 art/b*1 photo/a*1 photo/b*1", "the same names", " a;")]
    [InlineData("Dataset/0*3 Dataset/1*3 Examples*2", "Dataset/ is treated as one class", "2 folders")]
    [InlineData("Cat*3 cat*3", "Cat, cat ", "capital")]
    public void What_may_be_meant_otherwise_is_noted(string folders, params string[] names) =>
        Error.Names(Assert.Single(Find(folders).Notes), names);

    [Theory]
    [InlineData("train/a*2 train/b*2 val/a*1")]
    [InlineData("a*2 b*2 c/x*2 c/y*2 c=1.jpg")]
    public void What_is_clear_has_no_note(string folders) => Assert.Empty(Find(folders).Notes);

    [Fact]
    public void A_class_of_another_case_is_guessed_at()
    {
        var (layout, skips) = FindAll("train/Cat*2 train/dog*2 val/cat*1 val/dog*1");
        Assert.Equal("val/cat/0.jpg: did you mean Cat?", Assert.Single(Assert.Single(skips, skip => skip.Reason == SkipReason.NoTrainingClass).Examples));
        Assert.Equal(1, Count(layout, Split.Validation));
    }

    [Theory]
    [InlineData("@eaDir")]
    [InlineData("@EADIR")]
    [InlineData("#recycle")]
    [InlineData("#snapshot")]
    [InlineData("@Recycle")]
    [InlineData("@tmp")]
    [InlineData("__MACOSX")]
    [InlineData("$RECYCLE.BIN")]
    [InlineData("System Volume Information")]
    [InlineData("lost+found")]
    [InlineData(".ipynb_checkpoints")]
    [InlineData(".thumbnails")]
    [InlineData(".picasaoriginals")]
    [InlineData(".AppleDouble")]
    [InlineData(".git")]
    public void Folders_of_systems_are_left_out_anywhere_and_counted(string clutter)
    {
        var listing = Listing("a*3 b*3");
        foreach (var name in new[] { $"{clutter}/x/1.jpg", $"a/{clutter}/2.jpg", $"{clutter}/b/3.jpg", $"b/{clutter}/4.jpg/thumb.jpg" })
            listing.Files.Add(new SourceEntry(listing.Files.Count, name, 9));
        listing.Folders.Add($"{clutter}/empty");
        var layout = SourceLayout.Find("source", listing, new Skips("source", strict: true));
        Assert.Equal((2, 6), (layout.Classes.Length, layout.Images.Count));
        var left = Assert.Single(layout.LeftOut);
        Assert.Equal((4, clutter), (left.Count, Assert.Single(left.Examples)));
    }

    [Fact]
    public void Names_in_composed_and_decomposed_form_are_one_class()
    {
        const string composed = "caf\u00e9", decomposed = "cafe\u0301";
        var listing = Listing($"train/{composed}*2 train/tea*2 val/{decomposed}*1 train/{decomposed}=9.jpg");
        listing.Files.Add(new SourceEntry(100, "words.txt", 9));
        listing.Texts["words.txt"] = System.Text.Encoding.UTF8.GetBytes($"{decomposed}\tcoffee\n");
        var layout = SourceLayout.Find("source", listing, new Skips("source", strict: true));
        Assert.Equal([new(composed, "coffee"), new("tea", "tea")], layout.Classes.AsEnumerable());
        Assert.Equal((5, 1), (Count(layout, Split.Train), Count(layout, Split.Validation)));
        Assert.Equal(6, layout.Images.Select(image => image.Name).Distinct().Count());
    }

    [Fact]
    public void Annotations_and_lists_may_be_in_another_form()
    {
        const string composed = "caf\u00e9", decomposed = "cafe\u0301";
        var listing = Listing($"train/{decomposed}*2 train/tea*2 val/images={composed}.jpg val=val_annotations.txt =wnids.txt");
        listing.Texts["wnids.txt"] = System.Text.Encoding.UTF8.GetBytes($"{composed}\ntea\n");
        listing.Texts["val/val_annotations.txt"] = System.Text.Encoding.UTF8.GetBytes($"{decomposed}.jpg\t{composed}\t0\n");
        var layout = SourceLayout.Find("source", listing, new Skips("source", strict: true));
        Assert.Equal((composed, 1), (layout.Classes[0].Name, Count(layout, Split.Validation)));
    }

    [Fact]
    public void A_made_up_depth_of_folders_is_not_followed()
    {
        var listing = Listing("a*3 b*3");
        for (var i = 0; i < 300; i++)
            listing.Files.Add(new SourceEntry(100 + i, string.Concat(Enumerable.Repeat("a/", 20000)) + $"{i}.jpg", 9));
        listing.Folders.Add(string.Join('/', Enumerable.Repeat("a", 20000)));
        var skips = new Skips("source", strict: false);
        Assert.Equal(6, SourceLayout.Find("source", listing, skips).Images.Count);
        Assert.Equal(300, Assert.Single(skips.ToArray()).Count);
    }

    /// <summary>Whatever the folders are called, no image vanishes: it is taken, skipped, or left out with a count.</summary>
    [Fact]
    public void Every_image_is_taken_or_counted()
    {
        string[] words = ["train", "test", "val", "cat", "dog", "images", "@eaDir", "data"];
        var random = new Random(1);
        var understood = 0;
        for (var round = 0; round < 3000; round++)
        {
            var names = Enumerable.Range(0, random.Next(1, 14)).Select(i =>
                string.Concat(Enumerable.Range(0, random.Next(0, 4)).Select(_ => words[random.Next(words.Length)] + "/")) + $"{i}.jpg").ToArray();
            var listing = new SourceListing();
            foreach (var name in names)
                listing.Files.Add(new SourceEntry(listing.Files.Count, name, 9));
            var skips = new Skips("source", strict: false);
            try
            {
                var layout = SourceLayout.Find("source", listing, skips);
                var lost = skips.ToArray().Where(skip => skip.Reason != SkipReason.EmptyClass).Sum(skip => skip.Count) + layout.LeftOut.Sum(left => left.Count);
                Assert.True(names.Length == layout.Images.Count + lost, string.Join(' ', names));
                Assert.True(layout.Classes.Length > 1);
                understood++;
            }
            catch (BadDataException e)
            {
                Assert.StartsWith("source: ", e.Message, StringComparison.Ordinal);
            }
        }

        Assert.InRange(understood, 500, 3000);
    }

    [Theory]
    [InlineData("train/a*4 train/b*4 val/a*2 test/a*3 test/b*1", false, 2, 4)]
    [InlineData("train/a*4 train/b*4 test/a*3 test/b*1", false, 4, 0)]
    [InlineData("train/a*4 train/b*4 test/a*3 test/b*1", true, 0, 4)]
    [InlineData("train/a*4 train/b*4 val*2 test/a*3", false, 3, 0)]
    [InlineData("train/a*4 train/b*4 val/a*2 test*3", false, 2, 0)]
    public void Test_images_are_for_testing_if_others_are_for_validation(string folders, bool setAside, int validation, int test)
    {
        var layout = SourceLayout.Find("source", Listing(folders), new Skips("source", strict: true), setAside);
        Assert.Equal((8, validation, test), (Count(layout, Split.Train), Count(layout, Split.Validation), Count(layout, Split.Test)));
        Assert.Equal((validation > 0, test > 0), (layout.HasValidation, layout.Test is not null));
    }

    [Theory]
    [InlineData("train/a*4 train/b*4 val/a*2 val/b*1 test/a*3 test/b*3", 3, 6)]
    [InlineData("train/a*4 train/b*4 val/a*2 val/b*1", 3, 0)]
    [InlineData("a*4 b*4", 0, 0)]
    public void Validation_images_can_be_left_out(string folders, int validation, int test)
    {
        var layout = SourceLayout.Find("source", Listing(folders), new Skips("source", strict: true), setAside: true, ignoreValidation: true);
        Assert.False(layout.HasValidation);
        Assert.Equal((8, 8), (layout.Images.Count, Count(layout, Split.Train)));
        int LeftOut(string reason) => layout.LeftOut.SingleOrDefault(left => left.Reason == reason)?.Count ?? 0;
        Assert.Equal((validation, test), (LeftOut(LeftOutReason.Validation), LeftOut(LeftOutReason.Test)));
    }

    private static int Count(SourceLayout layout, Split split) => layout.Images.Count(image => image.Split == split);

    private static SourceLayout Find(string folders) => FindAll(folders).Layout;

    private static (SourceLayout Layout, IEnumerable<DatasetSkipped> Skips) FindAll(string folders)
    {
        var skips = new Skips("source", strict: false);
        return (SourceLayout.Find("source", Listing(folders), skips), skips.ToArray());
    }

    private static SourceListing Listing(string folders)
    {
        var listing = new SourceListing();
        foreach (var folder in folders.Split(' '))
        {
            var parts = folder.Split('*', '=');
            var names = folder.Contains('=') ? [parts[1]] : Enumerable.Range(0, int.Parse(parts[1])).Select(i => $"{i}.jpg");
            foreach (var name in names)
                listing.Files.Add(new SourceEntry(listing.Files.Count, parts[0].Length == 0 ? name : $"{parts[0]}/{name}", 9));
        }

        return listing;
    }
}
