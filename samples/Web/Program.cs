using Riffle;

// curl --data-binary @photo.jpg localhost:5000/classify
var app = WebApplication.CreateBuilder(args).Build();
var classifier = Classifier.Load(app.Configuration["model"]!, threads: 1);
app.MapPost("/classify", async (HttpRequest request, CancellationToken cancel) =>
    await request.BodyReader.ReadImage(cancel) is var image
        ? Results.Ok(classifier.Classify(image, new ClassifyOptions { MaxPixels = 50_000_000 }, cancel)) : Results.BadRequest());
app.Run();
