using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Riffle.Data;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Tests.Formats;
using Riffle.Tests.Server;
using Riffle.Training;
using static Microsoft.Playwright.Assertions;

namespace Riffle.Tests.Browser;

/// <summary>The page of a server, used as people use it, with a trained network of 200 classes unless a test says otherwise.</summary>
public sealed class PageTests(Chromium chromium) : IClassFixture<Chromium>
{
    private static readonly FilePayload Damaged = new() { Name = "damaged.jpg", MimeType = "image/jpeg", Buffer = Visit.Picture(0).Buffer[..500] };

    [BrowserFact]
    public async Task Chosen_files_become_cards_with_what_the_library_says_and_a_damaged_one_fails_alone()
    {
        await using var visit = await Visit.OpenAsync(chromium);
        FilePayload text = new() { Name = "no picture.txt", MimeType = "text/plain", Buffer = "hello"u8.ToArray() };
        FilePayload[] files = [Visit.Picture(0), Damaged, Visit.Picture(1), text, Visit.Picture(2)];
        await visit.ChooseAsync(files);
        await visit.AreDoneAsync(files.Length);
        using var classifier = Classifier.Load(TestServer.SmallModel, threads: 1);
        for (var i = 0; i < files.Length; i++)
        {
            var card = visit.Cards.Nth(i);
            await Expect(card.Locator("h2")).ToHaveTextAsync(files[i].Name);
            if (files[i] == Damaged || files[i] == text)
            {
                await Expect(card.Locator(".problem")).ToBeVisibleAsync();
                await Expect(card.Locator(".problem")).Not.ToBeEmptyAsync();
                await Expect(card.Locator(".classes li")).ToHaveCountAsync(0);
                continue;
            }

            var expected = classifier.Classify(files[i].Buffer);
            var rows = card.Locator(".classes li");
            await Expect(rows).ToHaveCountAsync(6);
            for (var rank = 0; rank < 5; rank++)
            {
                await Expect(rows.Nth(rank).Locator("span").First).ToHaveTextAsync(expected[rank].Text);
                await Expect(rows.Nth(rank).Locator(".share")).ToHaveTextAsync(string.Create(CultureInfo.InvariantCulture, $"{100 * expected[rank].Probability:0.0} %"));
                var width = await rows.Nth(rank).Locator("i").EvaluateAsync<string>("bar => bar.style.width");
                Assert.Equal(100 * expected[rank].Probability, double.Parse(width[..^1], CultureInfo.InvariantCulture), 0.01);
            }

            await Expect(rows.Nth(5)).ToContainTextAsync("195 other");
            await Expect(card.Locator(".times")).ToHaveTextAsync(new Regex(@"^Decoding [\d.]+ ms, queue [\d.]+ ms, network [\d.]+ ms$"));
            await Expect(card.Locator(".size")).ToHaveTextAsync(new Regex(@"^\d+ × \d+ pixels, \d+ kB$"));
            Assert.True(await card.Locator(".photo").EvaluateAsync<bool>("picture => picture.complete && picture.naturalWidth > 0 && picture.alt !== ''"));
            await Expect(visit.Page.Locator("#said")).ToContainTextAsync($"{files[i].Name}:  {expected.Best.Text}");
        }

        await Expect(visit.Page.Locator("#progress")).ToHaveTextAsync("5 pictures, 2 failed");
        await Expect(visit.Page.Locator("#facts")).ToContainTextAsync("56 × 56");

        await visit.Cards.Nth(1).GetByRole(AriaRole.Button, new() { Name = "Remove damaged.jpg" }).ClickAsync();
        await Expect(visit.Cards).ToHaveCountAsync(4);
        await Expect(visit.Page.Locator("#progress")).ToHaveTextAsync("4 pictures, 1 failed");
        await visit.Page.ClickAsync("#clear");
        await Expect(visit.Cards).ToHaveCountAsync(0);
        await Expect(visit.Page.Locator("#tools")).ToBeHiddenAsync();
    }

    [BrowserFact]
    public async Task Dropped_files_are_classified_and_dropped_text_is_not()
    {
        await using var visit = await Visit.OpenAsync(chromium);
        await DropAsync("""data => data.setData('text/plain', 'no file')""", null);
        await Expect(visit.Page.Locator("#problem")).Not.ToBeEmptyAsync();
        await DropAsync(
            """(data, bytes) => { for (const name of ['a.jpg', 'b.jpg']) data.items.add(new File([new Uint8Array(bytes)], name, { type: 'image/jpeg' })); }""", Visit.Picture(3).Buffer);
        await visit.AreDoneAsync(2);
        await Expect(visit.Page.Locator("#problem")).ToBeEmptyAsync();
        await Expect(visit.Page.Locator(".sure h2")).ToHaveTextAsync(["a.jpg", "b.jpg"]);

        async Task DropAsync(string fill, byte[]? bytes)
        {
            var data = await visit.Page.EvaluateHandleAsync($$"""bytes => { const data = new DataTransfer(); ({{fill}})(data, bytes); return data; }""", bytes?.Select(value => (int)value));
            await visit.Page.DispatchEventAsync("#zone", "dragover", new { dataTransfer = data });
            await Expect(visit.Page.Locator("body.dropping")).ToHaveCountAsync(1);
            await visit.Page.DispatchEventAsync("#zone", "drop", new { dataTransfer = data });
            await Expect(visit.Page.Locator("body.dropping")).ToHaveCountAsync(0);
        }
    }

    [BrowserFact]
    public async Task A_picture_from_the_clipboard_is_pasted()
    {
        await using var visit = await Visit.OpenAsync(chromium);
        await visit.Page.Context.GrantPermissionsAsync(["clipboard-read", "clipboard-write"]);
        await visit.Page.EvaluateAsync("""
            async () => {
              const canvas = document.createElement('canvas');
              canvas.getContext('2d').fillRect(50, 50, 100, 60);
              const blob = await new Promise(resolve => canvas.toBlob(resolve));
              await navigator.clipboard.write([new ClipboardItem({ 'image/png': blob })]);
            }
            """);
        await visit.Page.Keyboard.PressAsync("Control+V");
        await visit.AreDoneAsync(1);
        await Expect(visit.Page.Locator(".sure h2")).ToHaveTextAsync("pasted 1.png");
    }

    [BrowserFact]
    public async Task Everything_can_be_done_by_keyboard_and_the_focus_is_seen()
    {
        await using var visit = await Visit.OpenAsync(chromium);
        visit.Page.FileChooser += (_, _) => { }; // asks early: on a busy machine the question can come to Chromium after the key
        await TabToAsync("#choose");
        var chooser = await visit.Page.RunAndWaitForFileChooserAsync(() => visit.Page.Keyboard.PressAsync("Enter"));
        Assert.True(chooser.IsMultiple);
        await chooser.SetFilesAsync([Visit.Picture(1), Visit.Picture(2)]);
        await visit.AreDoneAsync(2);
        await TabToAsync(".card .warm");
        await visit.Page.Keyboard.PressAsync("Space");
        await Expect(visit.Cards.First.Locator(".heat")).ToBeVisibleAsync();
        await visit.Page.Keyboard.PressAsync("Shift+Tab");
        await ExpectFocusAsync(".card .remove");
        await visit.Page.Keyboard.PressAsync("Enter");
        await Expect(visit.Cards).ToHaveCountAsync(1);
        await ExpectFocusAsync(".card .remove");
        await visit.Page.Keyboard.PressAsync("Enter");
        await Expect(visit.Cards).ToHaveCountAsync(0);
        await ExpectFocusAsync("#choose");
        await TabToAsync("#take");
        await visit.Page.Keyboard.PressAsync("Enter");
        await Expect(visit.Page.Locator("#shoot")).ToBeEnabledAsync();
        await Expect(visit.Page.Locator("#shoot")).ToBeFocusedAsync();
        await visit.Page.Keyboard.PressAsync("Enter");
        await visit.AreDoneAsync(1);
        await visit.Page.Keyboard.PressAsync("Escape");
        await ExpectFocusAsync("#take");

        async Task TabToAsync(string selector)
        {
            for (var presses = 0; presses < 20; presses++)
            {
                await visit.Page.Keyboard.PressAsync("Tab");
                if (await visit.Page.EvaluateAsync<bool>("selector => document.activeElement.matches(selector)", selector))
                {
                    await ExpectFocusAsync(selector);
                    return;
                }
            }

            Assert.Fail($"the Tab key does not lead to {selector}");
        }

        async Task ExpectFocusAsync(string selector)
        {
            Assert.True(await visit.Page.EvaluateAsync<bool>("selector => document.activeElement.matches(selector)", selector), $"{selector} has not the focus");
            Assert.Equal("solid", await visit.Page.EvaluateAsync<string>("getComputedStyle(document.activeElement).outlineStyle"));
        }
    }

    /// <summary>Nothing is wider than the screen, and text has the contrast that WCAG asks for.</summary>
    [BrowserTheory]
    [InlineData(400, ColorScheme.Light)]
    [InlineData(400, ColorScheme.Dark)]
    [InlineData(1300, ColorScheme.Light)]
    [InlineData(1300, ColorScheme.Dark)]
    public async Task The_page_fits_the_screen_in_light_and_dark(int width, ColorScheme colours)
    {
        await using var visit = await Visit.OpenAsync(chromium, screen: new(width, colours));
        await visit.ChooseAsync([.. Enumerable.Range(0, 7).Select(i => Visit.Picture(i)), Damaged, Visit.Picture(8, new string('w', 200) + ".jpg")]);
        await visit.AreDoneAsync(9);
        await visit.Page.ClickAsync("#known summary");
        await visit.Page.ClickAsync(".card:nth-child(2) .warm");
        await Expect(visit.Cards.Nth(1).Locator(".heat")).ToBeVisibleAsync();
        await visit.PhotographAsync($"page-{width}-{colours}".ToLowerInvariant());
        Assert.Equal(width, await visit.Page.EvaluateAsync<int>("document.documentElement.scrollWidth"));
        var columns = await visit.Page.EvaluateAsync<string[]>("[...document.querySelectorAll('.card')].map(card => `${Math.round(card.getBoundingClientRect().left)}`)");
        Assert.Equal(width < 500 ? 1 : 3, columns.Distinct().Count());
        var bars = await visit.Page.EvaluateAsync<string[]>("[...document.querySelectorAll('.card:first-child .bar')].map(bar => { const { left, width } = bar.getBoundingClientRect(); return `${left} ${width}`; })");
        Assert.Single(bars.Distinct());
        var weakest = await visit.Page.EvaluateAsync<double>("""
            () => {
              const light = colour => {
                const [r, g, b] = colour.match(/[\d.]+/g).map(Number).map(value => value / 255).map(value => value <= .04045 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4);
                return .2126 * r + .7152 * g + .0722 * b;
              };
              const ground = element => {
                const colour = getComputedStyle(element).backgroundColor;
                return colour === 'rgba(0, 0, 0, 0)' ? ground(element.parentElement) : colour;
              };
              const ratios = [...document.querySelectorAll('h1, p, li span, button, summary, h2, label, .frame')].filter(element => element.checkVisibility() && element.textContent.trim()).map(element => {
                const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
                return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
              });
              return Math.min(...ratios);
            }
            """);
        Assert.True(weakest >= 4.5, $"a text has a contrast of {weakest:0.0}");
    }

    [BrowserFact]
    public async Task The_heat_map_covers_what_the_network_sees_and_is_asked_for_when_it_is_wanted()
    {
        await using var visit = await Visit.OpenAsync(chromium);
        await visit.ChooseAsync(Visit.Picture(1), Visit.Picture(5));
        await visit.AreDoneAsync(2);
        var (card, button, heat) = (visit.Cards.First, visit.Cards.First.Locator(".warm"), visit.Cards.First.Locator(".heat"));
        await Expect(heat).ToBeHiddenAsync();
        await button.ClickAsync();
        await Expect(heat).ToBeVisibleAsync();
        await Expect(button).ToHaveAttributeAsync("aria-pressed", "true");
        await Expect(card.Locator(".legend")).ToBeVisibleAsync();
        Assert.NotEqual("", await heat.GetAttributeAsync("alt"));
        Assert.True(await heat.EvaluateAsync<bool>("picture => picture.decode().then(() => picture.naturalWidth > 0)"));
        await CoversAsync(visit, (width, height) => (Math.Min(width, height) * 56 / 64, Math.Min(width, height) * 56 / 64));
        await button.ClickAsync();
        await Expect(heat).ToBeHiddenAsync();

        await visit.Page.ClickAsync("#heats");
        await Expect(visit.Page.Locator(".heat:visible")).ToHaveCountAsync(2);
        await visit.ChooseAsync(Visit.Picture(6));
        await Expect(visit.Page.Locator(".heat:visible")).ToHaveCountAsync(3);
        await visit.Page.ClickAsync("#heats");
        await Expect(visit.Page.Locator(".heat:visible")).ToHaveCountAsync(0);

        // While a picture is under way.
        await visit.ChooseAsync(Visit.Large);
        await visit.Page.ClickAsync("#heats");
        await Expect(visit.Page.Locator(".heat:visible")).ToHaveCountAsync(4);
    }

    /// <summary>Of padded and stretched pictures the network sees all.</summary>
    [BrowserTheory]
    [InlineData("Pad")]
    [InlineData("Stretch")]
    public async Task The_heat_map_covers_a_whole_picture_that_the_network_sees(string fit)
    {
        using var folder = new TemporaryFolder();
        var file = folder.PathOf("fit.safetensors");
        var small = Checkpoint.Load(TestServer.SmallModel);
        var training = small.Training!;
        new Checkpoint(small.Spec, small.Weights, small.Classes, small.Normalisation, training with { Recipe = training.Recipe with { Fit = Enum.Parse<FitKind>(fit) } }).Save(file);
        await using var visit = await Visit.OpenAsync(chromium, options => options.Models.Add(new("fit", file)));
        await visit.IsReadyAsync();
        await visit.ChooseAsync(Visit.Large);
        await visit.AreDoneAsync(1);
        await visit.Page.ClickAsync(".warm");
        await Expect(visit.Page.Locator(".heat")).ToBeVisibleAsync();
        await CoversAsync(visit, (width, height) => fit == "Pad" ? (Math.Max(width, height), Math.Max(width, height)) : (width, height));
    }

    /// <summary>Checks the size of the first heat map by that of its picture, and that they have one middle.</summary>
    private static async Task CoversAsync(Visit visit, Func<float, float, (float Width, float Height)> size)
    {
        var (map, photo) = ((await visit.Page.Locator(".heat").First.BoundingBoxAsync())!, (await visit.Page.Locator(".photo").First.BoundingBoxAsync())!);
        var (width, height) = size(photo.Width, photo.Height);
        Assert.Equal(width, map.Width, 0.5);
        Assert.Equal(height, map.Height, 0.5);
        Assert.Equal(photo.X + (photo.Width / 2), map.X + (map.Width / 2), 0.5);
        Assert.Equal(photo.Y + (photo.Height / 2), map.Y + (map.Height / 2), 0.5);
    }

    [BrowserFact]
    public async Task The_camera_takes_several_pictures_and_is_released()
    {
        await using var visit = await Visit.OpenAsync(chromium);
        await visit.Page.ClickAsync("#take");
        await Expect(visit.Page.Locator("#shoot")).ToBeEnabledAsync();
        await visit.PhotographAsync("camera");
        await visit.Page.ClickAsync("#shoot");
        await Expect(visit.Page.Locator("#taken")).ToHaveTextAsync("1 picture taken");
        await visit.Page.ClickAsync("#shoot");
        await Expect(visit.Page.Locator("#taken")).ToHaveTextAsync("2 pictures taken");
        await visit.Page.EvaluateAsync("window.track = document.querySelector('video').srcObject.getTracks()[0]");
        await visit.Page.ClickAsync("#done");
        await visit.AreDoneAsync(2);
        await Expect(visit.Page.Locator(".sure h2")).ToHaveTextAsync(["camera 2.jpg", "camera 1.jpg"]);
        Assert.Equal("ended", await visit.Page.EvaluateAsync<string>("track.readyState"));
    }

    [BrowserFact]
    public async Task The_results_are_saved_as_predict_writes_them()
    {
        await using var visit = await Visit.OpenAsync(chromium);
        var odd = Visit.Picture(4, "a \"b\", c.jpg");
        await visit.ChooseAsync(odd, Damaged);
        await visit.AreDoneAsync(2);
        var download = await visit.Page.RunAndWaitForDownloadAsync(() => visit.Page.ClickAsync("#save"));
        Assert.Equal("small.csv", download.SuggestedFilename);
        var lines = (await File.ReadAllTextAsync(await download.PathAsync(), TestServer.Cancel)).Split("\r\n");
        Assert.Equal("file,verdict,error,class_1,probability_1,class_2,probability_2,class_3,probability_3,class_4,probability_4,class_5,probability_5", lines[0]);
        using var classifier = Classifier.Load(TestServer.SmallModel, threads: 1);
        var expected = classifier.Classify(odd.Buffer).SelectMany(one => (string[])[one.Text.Contains(',') ? $"\"{one.Text}\"" : one.Text, one.Probability.ToString(CultureInfo.InvariantCulture)]);
        Assert.Equal($"\"a \"\"b\"\", c.jpg\",,,{string.Join(',', expected)}", lines[1]);
        Assert.StartsWith("damaged.jpg,,", lines[2]);
        Assert.EndsWith(",,,,,,,,,,", lines[2]);
        Assert.Equal(("", 4), (lines[3], lines.Length));
    }

    /// <summary>It has room for one image at a time, and others send theirs until the page was refused.</summary>
    [BrowserFact]
    public async Task A_busy_server_is_asked_again()
    {
        await using var visit = await Visit.OpenAsync(chromium, options =>
        {
            options.Models.Add(new("small", TestServer.SmallModel));
            (options.MaxBatch, options.Queue) = (1, 1);
        });
        await visit.IsReadyAsync();
        using var refused = new CancellationTokenSource();
        visit.Page.Response += (_, response) =>
        {
            if (response.Status == 503)
                refused.Cancel();
        };
        var others = Enumerable.Range(0, 4).Select(_ => SendAsync()).ToArray();
        await visit.ChooseAsync(Enumerable.Repeat(Visit.Large, 8));
        await Task.WhenAll(others);
        await visit.AreDoneAsync(8);
        await Expect(visit.Page.Locator(".sure")).ToHaveCountAsync(8);
        Assert.Contains(503, visit.Refusals);
        Assert.All(visit.Refusals, status => Assert.Equal(503, status));

        async Task SendAsync()
        {
            var since = Stopwatch.StartNew();
            while (!refused.IsCancellationRequested && since.Elapsed < TimeSpan.FromSeconds(30))
            {
                using var image = new ByteArrayContent(Visit.Large.Buffer!);
                using var answer = await visit.Server.Client.PostAsync("/v1/classify", image, TestServer.Cancel);
            }
        }
    }

    [BrowserFact]
    public async Task A_server_that_is_gone_is_said_to_be_and_a_picture_can_be_tried_again()
    {
        await using var visit = await Visit.OpenAsync(chromium);
        await visit.Server.StopAsync();
        await visit.ChooseAsync(Visit.Picture(1));
        await visit.AreDoneAsync(1);
        await Expect(visit.Page.Locator(".card .problem")).ToContainTextAsync("be reached");
        await visit.Page.ClickAsync(".again");
        await visit.AreDoneAsync(1);
        await Expect(visit.Page.Locator(".again")).ToBeVisibleAsync();
    }

    [BrowserFact]
    public async Task A_key_is_asked_for_once()
    {
        await using var visit = await Visit.OpenAsync(chromium, options =>
        {
            options.Models.Add(new("small", TestServer.SmallModel));
            options.ApiKey = "open sesame";
        });
        var (access, key) = (visit.Page.Locator("#access"), visit.Page.Locator("#key"));
        await Expect(key).ToBeFocusedAsync();
        await visit.ChooseAsync(Visit.Picture(1));
        await key.FillAsync("wrong");
        await key.PressAsync("Enter");
        await Expect(access).ToContainTextAsync("does not know this key");
        await key.FillAsync("open sesame");
        await key.PressAsync("Enter");
        await Expect(access).ToBeHiddenAsync();
        await visit.AreDoneAsync(1);
        await Expect(visit.Page.Locator(".sure")).ToHaveCountAsync(1);
        await visit.Page.ReloadAsync();
        await visit.IsReadyAsync();
        await Expect(access).ToBeHiddenAsync();
    }

    [BrowserFact]
    public async Task A_picture_that_is_too_large_says_so()
    {
        await using var visit = await Visit.OpenAsync(chromium, options =>
        {
            options.Models.Add(new("small", TestServer.SmallModel));
            (options.MaxBodyBytes, options.MaxPixels) = (1_000_000, 5_000);
        });
        await visit.IsReadyAsync();
        var many = Visit.Picture(0, "many pixels.jpg");
        await visit.ChooseAsync(many, new() { Name = "many bytes.jpg", MimeType = "image/jpeg", Buffer = [.. many.Buffer, .. new byte[20_000_000]] });
        await visit.AreDoneAsync(2);
        await Expect(visit.Page.Locator(".card .problem").First).ToContainTextAsync("pixels");
        await Expect(visit.Page.Locator(".card .problem").Last).ToContainTextAsync("1,000,000 bytes");
    }

    [BrowserFact]
    public async Task Another_model_is_asked_about_all_pictures_and_says_when_it_is_not_sure()
    {
        using var folder = new TemporaryFolder();
        var (unsure, strange) = (folder.PathOf("unsure.safetensors"), folder.PathOf("strange.safetensors"));
        var checkpoint = Checkpoint.Load(TestServer.SmallModel);
        var features = checkpoint.Weights.Network.Layers[^1].Parameters[0].Shape[1];
        checkpoint.With(new Doubt(temperature: 20, null, [], 200)).Save(unsure);
        checkpoint.With(new Doubt(temperature: 1, threshold: 1.5f, [.. Enumerable.Repeat((byte)1, 200 * features)], 200)).Save(strange);
        await using var visit = await Visit.OpenAsync(chromium, options =>
        {
            options.Models.Add(new("plain", TestServer.SmallModel));
            options.Models.Add(new("unsure", unsure));
            options.Models.Add(new("strange", strange));
        });
        await visit.IsReadyAsync();
        await visit.ChooseAsync(Visit.Picture(0), Visit.Picture(1));
        await visit.AreDoneAsync(2);
        await Expect(visit.Page.Locator(".verdict:visible")).ToHaveCountAsync(0);
        await ExpectAsync("unsure", "Not sure");
        await ExpectAsync("strange", "none of these");

        async Task ExpectAsync(string model, string words)
        {
            await visit.Page.SelectOptionAsync("#model", model);
            await Expect(visit.Page.Locator("#facts")).ToContainTextAsync("not sure");
            await visit.AreDoneAsync(2);
            await Expect(visit.Page.Locator(".doubtful")).ToHaveCountAsync(2);
            for (var i = 0; i < 2; i++)
                await Expect(visit.Cards.Nth(i).Locator(".verdict")).ToContainTextAsync(words);
        }
    }

    [BrowserTheory]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(1000)]
    public async Task Any_number_of_classes_is_shown(int classes)
    {
        using var folder = new TemporaryFolder();
        var file = folder.PathOf("classes.safetensors");
        var spec = NetworkCatalogue.Resolve("shufflenet-v2-x0.5", imageSize: 32, classes: classes);
        var weights = new Weights(NetworkCatalogue.Build(spec));
        Initialisation.Fill(weights, InitialisationKind.He, 1);
        new Checkpoint(spec, weights, [.. Enumerable.Range(0, classes).Select(i => new DatasetClass($"{i}", $"class {i}, whose name is long enough for three lines on the card of a picture, {new string('x', 60)}"))], Normalisation.ImageNet)
            .Save(file);
        await using var visit = await Visit.OpenAsync(chromium, options => options.Models.Add(new("many", file)), new(400));
        await visit.IsReadyAsync();
        await visit.ChooseAsync(Visit.Picture(0));
        await visit.AreDoneAsync(1);
        await Expect(visit.Page.Locator(".classes li")).ToHaveCountAsync(classes > 5 ? 6 : classes);
        await Expect(visit.Page.Locator("#known li")).ToHaveCountAsync(classes);
        Assert.Equal(classes <= 12, await visit.Page.Locator("#known").EvaluateAsync<bool>("known => known.open"));
        Assert.Equal(400, await visit.Page.EvaluateAsync<int>("document.documentElement.scrollWidth"));
        if (classes == 1000)
        {
            await visit.Page.ClickAsync("#known summary");
            await visit.Page.FillAsync("#find", "CLASS 99");
            await Expect(visit.Page.Locator("#known li:visible")).ToHaveCountAsync(11);
        }

        await visit.PhotographAsync($"classes-{classes}");
    }

    /// <summary>Each of them would take 36 MB if it stayed decoded.</summary>
    [BrowserFact]
    public async Task A_hundred_large_pictures_leave_only_small_copies()
    {
        await using var visit = await Visit.OpenAsync(chromium, screen: new(Motion: ReducedMotion.Reduce));
        await visit.Page.EvaluateAsync("""
            async () => {
              const canvas = new OffscreenCanvas(4000, 3000), context = canvas.getContext('2d'), data = new DataTransfer();
              for (let i = 0; i < 100; i++) {
                context.fillStyle = `hsl(${3 * i} 70% 50%)`;
                context.fillRect(0, 0, 4000, 3000);
                context.clearRect(30 * i, 20 * i, 900, 900);
                data.items.add(new File([await canvas.convertToBlob({ type: 'image/jpeg' })], `${i}.jpg`, { type: 'image/jpeg' }));
              }
              dispatchEvent(new DragEvent('drop', { dataTransfer: data, cancelable: true }));
            }
            """);
        Assert.Equal("none", await AnimationAsync());
        await visit.Page.EmulateMediaAsync(new() { ReducedMotion = ReducedMotion.NoPreference });
        Assert.Equal("breathe", await AnimationAsync());
        await visit.AreDoneAsync(100);
        await Expect(visit.Page.Locator("#progress")).ToHaveTextAsync("100 pictures", new() { Timeout = 60_000 });
        await visit.Page.WaitForFunctionAsync("() => [...document.querySelectorAll('.photo')].every(photo => photo.complete && photo.naturalWidth === 720)", options: new() { Timeout = 120_000 });

        Task<string> AnimationAsync() => visit.Page.EvaluateAsync<string>("getComputedStyle(document.querySelector('.waiting .bar')).animationName");
    }
}
