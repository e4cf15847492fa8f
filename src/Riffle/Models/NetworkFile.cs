using System.Collections.Immutable;
using System.Text.Json;
using Riffle.Formats;
using Riffle.Networks;

namespace Riffle.Models;

/// <summary>The description of a network as a JSON file: its name, image size, number of classes and layers, but no weights.</summary>
public static class NetworkFile
{
    /// <summary>What the name of such a file ends with.</summary>
    public const string Ending = ".json";

    private static readonly JsonSerializerOptions Json = new(ModelJson.Indented)
    {
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
    };

    /// <summary>Reads a description.</summary>
    /// <exception cref="RiffleException">The file can't be read.</exception>
    /// <exception cref="BadDataException">It describes no network; the message names the layer.</exception>
    public static NetworkSpec Read(string path)
    {
        try
        {
            var document = JsonSerializer.Deserialize(InputFile.ReadDocument(path), Json.Of<Document>()) ?? throw new JsonException("it is null");
            var spec = new NetworkSpec(document.Name, document.ImageSize, document.Classes, [], StemStride: 1) { Layers = document.Layers };
            NetworkCatalogue.Build(spec);
            return spec;
        }
        catch (FileNotFoundException e)
        {
            throw new RiffleException(InputFile.Missing(path), e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotRead(path, e);
        }
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException or NotSupportedException)
        {
            throw new BadDataException($"{path}: this is not the description of a network: {e.Message}.", e)
            {
                CommandLineAdvice = "For an example of one, run: riffle summary mobilenet-v1-x0.25 --description example.json",
            };
        }
    }

    /// <summary>Writes a network's description, whole or not at all.</summary>
    /// <exception cref="ArgumentException">It can't be described; see <see cref="NetworkSpec.Of"/>.</exception>
    /// <exception cref="RiffleException">The file can't be written.</exception>
    public static void Write(Network network, string path)
    {
        var spec = NetworkSpec.Of(network);
        AtomicFile.WriteText(path, JsonSerializer.Serialize(new Document(spec.Name, spec.ImageSize, spec.Classes, spec.Layers!.Value), Json.Of<Document>()) + "\n");
    }

    internal sealed record Document(string Name, int ImageSize, int Classes, ImmutableArray<LayerDescription> Layers);
}
