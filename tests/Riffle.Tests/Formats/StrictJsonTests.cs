using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Riffle.Data;
using Riffle.Formats;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;

namespace Riffle.Tests.Formats;

public class StrictJsonTests
{
    /// <summary>Without its converter an enumeration would be a number, and a list could hold null.</summary>
    [Fact]
    public void Every_enumeration_and_every_list_of_objects_in_a_document_has_its_converter()
    {
        var seen = new HashSet<Type>();
        Check(ModelJson.Compact, ModelTypes.Default, seen);
        Check(DatasetJson.Options, DatasetTypes.Default, seen);
        Assert.Contains(typeof(ImmutableArray<EpochMetrics>), seen);
        Assert.Contains(typeof(ScheduleKind), seen);
    }

    [Fact]
    public void Every_operator_can_be_read_and_written()
    {
        var all = typeof(Operation).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Operation)));
        Assert.Equal(all.OrderBy(type => type.Name), OperatorTypes.All.OrderBy(type => type.Name));
        Assert.All(OperatorTypes.All, type => Assert.NotNull(OperatorTypes.Default.GetTypeInfo(type)));
    }

    private static void Check(JsonSerializerOptions options, JsonSerializerContext types, HashSet<Type> seen)
    {
        // What the generator was told of are the types of the context's properties.
        var roots = types.GetType().GetProperties().Where(property => property.PropertyType.IsSubclassOf(typeof(JsonTypeInfo)))
            .Select(property => property.PropertyType.GetGenericArguments()[0]);
        var waiting = new Stack<Type>(roots);
        while (waiting.TryPop(out var type))
        {
            if (!seen.Add(type))
                continue;
            var info = options.GetTypeInfo(type);
            if (type.IsEnum)
                Assert.False(JsonSerializer.Serialize(Activator.CreateInstance(type), info) is [(>= '0' and <= '9'), ..], $"{type} is written as a number");
            if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ImmutableArray<>) && type.GetGenericArguments()[0] is { IsValueType: false } element)
                Assert.True(info.Converter.GetType().Name.StartsWith("NoNullsIn", StringComparison.Ordinal) || info.Converter is LayersConverter, $"a list of {element} may hold null");
            if (info.Kind == JsonTypeInfoKind.Object && type.GetConstructor([]) is not null && Activator.CreateInstance(type) is { } made)
                Assert.All(info.Properties, property => AssertUnset(type, property.AttributeProvider as System.Reflection.PropertyInfo, made));
            foreach (var property in info.Properties)
                waiting.Push(property.PropertyType);
        }
    }

    /// <summary>Such a property would be zero or null where a document says nothing of it.</summary>
    private static void AssertUnset(Type type, System.Reflection.PropertyInfo? property, object made)
    {
        if (property?.SetMethod is null)
            return;
        var nothing = property.PropertyType.IsValueType ? Activator.CreateInstance(property.PropertyType) : null;
        Assert.True(Equals(property.GetValue(made), nothing), $"{type.Name}.{property.Name} has an initialiser, so the type needs {nameof(Defaults<string>)}");
    }

    [Fact]
    public void What_an_older_file_does_not_have_is_as_the_type_has_it()
    {
        var recipe = JsonSerializer.Deserialize("""{ "name": "old", "schedule": { "kind": "step" }, "augmentation": {} }""", ModelJson.Compact.Of<Recipe>())!;
        Assert.Equal(new Recipe { Name = "old", Schedule = new() { Kind = ScheduleKind.Step }, Augmentation = new() }, recipe);
        Assert.Equal((0.9, 128, 30, 2f), (recipe.Momentum, recipe.Batch, recipe.Schedule.StepEpochs, recipe.Distillation.LastTemperature));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize("""{ "name": "old", "augmentation": {} }""", ModelJson.Compact.Of<Recipe>()));
        var info = JsonSerializer.Deserialize(
            """{ "train": 1, "validation": 0, "train_shards": 1, "validation_shards": 0, "fingerprint": "", "classes": [] }""", DatasetJson.Options.Of<DatasetInfo>())!;
        Assert.Equal((1, "", 0), (info.Version, info.Layout, info.Notes.Length));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize("""{ "train": 1 }""", DatasetJson.Options.Of<DatasetInfo>()));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize("""{ "name": null, "schedule": {}, "augmentation": {} }""", ModelJson.Compact.Of<Recipe>()));
    }
}
