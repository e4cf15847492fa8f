using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Riffle.Formats;
using Riffle.Networks;

namespace Riffle.Models;

/// <summary>
/// The layers of a network as JSON: each an object with its <c>name</c>, its operator (<c>op</c>) and the operator's settings. A layer that reads only the one
/// before it needs no <c>inputs</c>, one that stands alone no <c>unit</c>.
/// </summary>
internal sealed class LayersConverter : JsonConverter<ImmutableArray<LayerDescription>>
{
    private const string Name = "name", Operator = "op", Inputs = "inputs", Unit = "unit";

    private static readonly JsonNamingPolicy Naming = JsonNamingPolicy.SnakeCaseLower;

    /// <summary>Settings are what operators are made from, by their constructors.</summary>
    private static readonly JsonSerializerOptions Settings = new JsonSerializerOptions
    {
        PropertyNamingPolicy = Naming,
        Converters = { new FloatConverter() },
        IgnoreReadOnlyProperties = true,
    }.Strict(OperatorTypes.Default, new EnumName<ActivationKind>());

    /// <summary>Every operator that there is, by the name of its type.</summary>
    private static readonly Dictionary<string, JsonTypeInfo> Operators = OperatorTypes.All.ToDictionary(NameOf, Settings.GetTypeInfo);

    public override ImmutableArray<LayerDescription> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using var document = JsonDocument.ParseValue(ref reader);
        if (document.RootElement.ValueKind != JsonValueKind.Array)
            throw new JsonException("the layers are not a list");
        var layers = ImmutableArray.CreateBuilder<LayerDescription>(document.RootElement.GetArrayLength());
        var settings = new ArrayBufferWriter<byte>();
        foreach (var element in document.RootElement.EnumerateArray())
        {
            if (element.ValueKind != JsonValueKind.Object)
                throw new JsonException($"layer {layers.Count + 1} is not an object");
            var name = Text(element, Name) ?? throw new JsonException($"layer {layers.Count + 1} has no name");
            try
            {
                var operation = ReadOperation(element, settings);
                var before = layers.Count == 0 ? NetworkDescription.InputName : layers[^1].Name;
                var inputs = element.TryGetProperty(Inputs, out var listed) ? Names(listed) : [before];
                layers.Add(new(name, operation, inputs, Text(element, Unit) ?? name));
            }
            catch (Exception e) when (e is JsonException or NotSupportedException)
            {
                throw new JsonException($"layer {name}: {e.Message}", e);
            }
        }

        return layers.MoveToImmutable();
    }

    /// <summary>Each layer in a line of its own, even in an indented document.</summary>
    public override void Write(Utf8JsonWriter writer, ImmutableArray<LayerDescription> value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        var (before, text) = (NetworkDescription.InputName, new ArrayBufferWriter<byte>());
        foreach (var layer in value)
        {
            text.ResetWrittenCount();
            if (options.WriteIndented)
                text.Write(Encoding.ASCII.GetBytes(options.NewLine + new string(options.IndentCharacter, options.IndentSize * writer.CurrentDepth)));
            using (var line = new Utf8JsonWriter(text, new() { Encoder = options.Encoder }))
                WriteLayer(line, layer, before);
            writer.WriteRawValue(text.WrittenSpan, skipInputValidation: true);
            before = layer.Name;
        }

        writer.WriteEndArray();
    }

    private static void WriteLayer(Utf8JsonWriter writer, LayerDescription layer, string before)
    {
        var (name, operation, inputs, unit) = layer;
        writer.WriteStartObject();
        writer.WriteString(Name, name);
        writer.WriteString(Operator, NameOf(operation.GetType()));
        foreach (var setting in JsonSerializer.SerializeToElement(operation, Settings.GetTypeInfo(operation.GetType())).EnumerateObject())
            setting.WriteTo(writer);
        if (inputs is not [var only] || only != before)
        {
            writer.WriteStartArray(Inputs);
            foreach (var input in inputs)
                writer.WriteStringValue(input);
            writer.WriteEndArray();
        }

        if (unit != name)
            writer.WriteString(Unit, unit);
        writer.WriteEndObject();
    }

    private static Operation ReadOperation(JsonElement layer, ArrayBufferWriter<byte> settings)
    {
        var name = Text(layer, Operator) ?? throw new JsonException("it has no 'op'");
        if (!Operators.TryGetValue(name, out var type))
            throw new JsonException($"there is no operator '{name}'; there are {string.Join(", ", Operators.Keys.Order())}");
        var known = type.Properties.Where(property => property.AssociatedParameter is not null)
            .ToDictionary(property => property.Name, property => property.AssociatedParameter!.HasDefaultValue);
        settings.ResetWrittenCount();
        using (var writer = new Utf8JsonWriter(settings))
        {
            writer.WriteStartObject();
            foreach (var property in layer.EnumerateObject().Where(property => property.Name is not (Name or Operator or Inputs or Unit)))
            {
                if (!known.ContainsKey(property.Name))
                    throw new JsonException($"{name} has no setting '{property.Name}'" + (known.Count > 0 ? $"; it has {string.Join(", ", known.Keys)}" : ""));
                property.WriteTo(writer);
            }

            writer.WriteEndObject();
        }

        if (known.FirstOrDefault(setting => !setting.Value && !layer.TryGetProperty(setting.Key, out _)).Key is { } missing)
            throw new JsonException($"its '{missing}' is missing");
        try
        {
            return (Operation)JsonSerializer.Deserialize(settings.WrittenSpan, type)!;
        }
        catch (JsonException e) when (e.Path is ['$', '.', .. var setting])
        {
            throw new JsonException($"its '{setting}' has a value that is not possible", e);
        }
    }

    private static string? Text(JsonElement layer, string property) =>
        !layer.TryGetProperty(property, out var value) ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString()
        : throw new JsonException($"its '{property}' is not a text");

    private static ImmutableArray<string> Names(JsonElement list) =>
        list.ValueKind == JsonValueKind.Array && list.EnumerateArray().All(name => name.ValueKind == JsonValueKind.String)
            ? [.. list.EnumerateArray().Select(name => name.GetString()!)]
            : throw new JsonException("its inputs are not a list of names");

    private static string NameOf(Type type) => Naming.ConvertName(type.Name);

    /// <summary>JSON has no infinity: null stands for no bound.</summary>
    private sealed class FloatConverter : JsonConverter<float>
    {
        public override bool HandleNull => true;

        public override float Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.Null ? float.PositiveInfinity
            : reader.TokenType == JsonTokenType.Number && reader.GetSingle() is var value && float.IsFinite(value) ? value
            : throw new JsonException("a setting is not a number that a float can hold");

        public override void Write(Utf8JsonWriter writer, float value, JsonSerializerOptions options)
        {
            if (float.IsFinite(value))
                writer.WriteNumberValue(value);
            else
                writer.WriteNullValue();
        }
    }
}
