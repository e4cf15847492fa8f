using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Riffle.Formats;

/// <summary>
/// Rejects null in the lists of a JSON document. With <see cref="JsonSerializerOptions.RespectNullableAnnotations"/>, System.Text.Json checks an
/// object's properties, but not a list's elements.
/// </summary>
internal sealed class NoNullsInLists : JsonConverterFactory
{
    /// <summary>Sets options so that null is refused wherever the types of a document do not allow it, and so is what is missing of their parameters.</summary>
    public static JsonSerializerOptions Strict(JsonSerializerOptions options)
    {
        options.RespectNullableAnnotations = true;
        options.RespectRequiredConstructorParameters = true;
        options.Converters.Add(new NoNullsInLists());
        return options;
    }

    /// <inheritdoc/>
    public override bool CanConvert(Type typeToConvert) => typeToConvert.IsGenericType
        && typeToConvert.GetGenericTypeDefinition() == typeof(ImmutableArray<>) && !typeToConvert.GenericTypeArguments[0].IsValueType;

    /// <inheritdoc/>
    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
        (JsonConverter)Activator.CreateInstance(typeof(ListConverter<>).MakeGenericType(typeToConvert.GenericTypeArguments[0]))!;

    private sealed class ListConverter<T> : JsonConverter<ImmutableArray<T>>
        where T : class
    {
        public override ImmutableArray<T> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            var list = JsonSerializer.Deserialize<T?[]>(ref reader, options) ?? throw new JsonException();
            return list.Contains(null) ? throw new JsonException("A list contains null.") : ImmutableArray.Create((T[])list!);
        }

        public override void Write(Utf8JsonWriter writer, ImmutableArray<T> value, JsonSerializerOptions options) =>
            JsonSerializer.Serialize(writer, ImmutableCollectionsMarshal.AsArray(value), options); // no copy
    }
}
