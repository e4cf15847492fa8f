using System.Reflection;
using Riffle.Cli;
using Riffle.Server;
using Riffle.Study;

namespace Riffle.Tests;

/// <content>A name means one thing.</content>
public partial class ArchitectureTests
{
    /// <summary>Private nested types, a type and its generic form, and the classes generated from .proto files are excepted.</summary>
    [Fact]
    public void No_two_types_share_a_name()
    {
        Type[] types = [.. from assembly in (Assembly[])[typeof(Model).Assembly, typeof(ImageCodec).Assembly, typeof(Settings).Assembly, typeof(ServerOptions).Assembly, typeof(CommandLine).Assembly]
                           from type in assembly.GetTypes()
                           where type.Namespace is { } space && space.StartsWith("Riffle", StringComparison.Ordinal) && !space.EndsWith(".Protos", StringComparison.Ordinal)
                           where !type.Name.Contains('<') && !type.IsNestedPrivate
                           select type];
        Assert.True(types.Length > 300, $"{types.Length} types");
        var shared =
            from type in types
            group type by Simple(type) into same
            where same.DistinctBy(type => (type.Namespace, type.DeclaringType)).Count() > 1
            select string.Join(", ", same.Select(type => type.FullName));
        Assert.Empty(shared);
    }

    private static string Simple(Type type) => type.Name.Split('`')[0];
}
