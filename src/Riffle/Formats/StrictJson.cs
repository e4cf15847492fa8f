using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Riffle.Formats;

/// <summary>Settings under which a JSON document is refused if it has null, or nothing, where its types do not allow that.</summary>
/// <remarks>Types come from generated code (<see cref="JsonSerializerContext"/>), so that documents can also be read in trimmed programs, and without creating code at the start.
/// </remarks>
internal static class StrictJson
{
    /// <summary>Makes options strict.</summary>
    /// <param name="options">The options.</param>
    /// <param name="types">The types that documents consist of.</param>
    /// <param name="converters">A <see cref="NoNullsIn{T}"/> for each list of objects and a <see cref="EnumName{T}"/> for each enumeration among them.</param>
    public static JsonSerializerOptions Strict(this JsonSerializerOptions options, JsonSerializerContext types, params ReadOnlySpan<JsonConverter> converters)
    {
        options.TypeInfoResolver = types;
        options.RespectNullableAnnotations = true;
        options.RespectRequiredConstructorParameters = true;
        foreach (var converter in converters)
            options.Converters.Add(converter);
        return options;
    }

    /// <summary>The same options, under which what is missing of an object is as in another one.</summary>
    public static JsonSerializerOptions With<T>(this JsonSerializerOptions options, T defaults)
        where T : class => new(options) { Converters = { new Defaults<T>(defaults, options) } };

    /// <summary>What the options know of a type.</summary>
    public static JsonTypeInfo<T> Of<T>(this JsonSerializerOptions options) => (JsonTypeInfo<T>)options.GetTypeInfo(typeof(T));
}

/// <summary>Refuses null in a list. With <see cref="JsonSerializerOptions.RespectNullableAnnotations"/>, System.Text.Json checks an object's properties, but not a list's
/// elements.</summary>
internal sealed class NoNullsIn<T> : JsonConverter<ImmutableArray<T>>
    where T : class
{
    public override ImmutableArray<T> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var list = JsonSerializer.Deserialize(ref reader, options.Of<T[]>()) ?? throw new JsonException();
        return list.Contains(null) ? throw new JsonException("A list contains null.") : ImmutableArray.Create(list);
    }

    public override void Write(Utf8JsonWriter writer, ImmutableArray<T> value, JsonSerializerOptions options) =>
        JsonSerializer.Serialize(writer, ImmutableCollectionsMarshal.AsArray(value)!, options.Of<T[]>()); // no copy
}

/// <summary>
/// Gives what is missing of an object the value that it has in another one, unless it is required: generated code does not run the initialisers of properties that are
/// set once.
/// </summary>
/// <param name="defaults">The other object.</param>
/// <param name="inner">Options that read the type without this converter.</param>
internal sealed class Defaults<T>(T defaults, JsonSerializerOptions inner) : JsonConverter<T>
    where T : class
{
    private readonly JsonElement _defaults = JsonSerializer.SerializeToElement(defaults, inner.Of<T>());
    private readonly HashSet<string> _required = [.. inner.Of<T>().Properties.Where(property => property.IsRequired).Select(property => property.Name)];

    public override T? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var given = JsonElement.ParseValue(ref reader);
        if (given.ValueKind != JsonValueKind.Object)
            return given.Deserialize(inner.Of<T>()); // which refuses it
        var whole = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(whole))
        {
            writer.WriteStartObject();
            foreach (var property in given.EnumerateObject().Concat(_defaults.EnumerateObject().Where(property =>
                !_required.Contains(property.Name) && !given.TryGetProperty(property.Name, out _))))
                property.WriteTo(writer);
            writer.WriteEndObject();
        }

        return JsonSerializer.Deserialize(whole.WrittenSpan, inner.Of<T>());
    }

    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => JsonSerializer.Serialize(writer, value, inner.Of<T>());
}

/// <summary>An enumeration by the names of its values, as <c>hard_swish</c>.</summary>
internal sealed class EnumName<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false)
    where T : struct, Enum;
