using Riffle;

// dotnet run -- --model MODEL; then curl -F photo=@photo.jpg localhost:5000/classify
var app = WebApplication.CreateBuilder(args).Build();
var (classifier, limits) = (Classifier.Load(app.Configuration["model"]!, threads: 1), new ClassifyOptions { MaxPixels = 50_000_000 });
app.MapPost("/classify", (IFormFile photo, CancellationToken cancel) =>
{
    try { var found = classifier.Classify(photo.OpenReadStream(), limits, cancel); return Results.Ok(new { found.Verdict, Predictions = found }); }
    catch (BadDataException e) { return Results.BadRequest(e.Message); }
}).DisableAntiforgery();
app.Run();
