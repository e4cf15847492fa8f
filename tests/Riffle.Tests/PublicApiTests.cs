using PublicApiGenerator;
using Riffle.Server;
using Riffle.Tests.Cli;

namespace Riffle.Tests;

/// <summary>The public surface of the libraries changes only on purpose: each lists it in its PublicApi.txt.</summary>
public class PublicApiTests
{
    private const string Accept = "RIFFLE_ACCEPT_API";

    [Theory]
    [InlineData(typeof(Classifier))]
    [InlineData(typeof(ImageCodec))]
    [InlineData(typeof(ServerOptions))]
    public void The_public_api_is_the_one_listed(Type type)
    {
        var library = type.Assembly.GetName().Name!;
        var path = Path.Combine(Shell.Root, "src", library, "PublicApi.txt");
        var actual = type.Assembly.GeneratePublicApi(new() { IncludeAssemblyAttributes = false }).ReplaceLineEndings("\n").TrimEnd() + "\n";
        if (Environment.GetEnvironmentVariable(Accept) == "1")
            File.WriteAllText(path, actual);
        var listed = File.Exists(path) ? File.ReadAllText(path) : "";
        if (listed == actual)
            return;
        var (before, now) = (listed.Split('\n'), actual.Split('\n'));
        Assert.Fail(
            $"The public API differs from src/{library}/PublicApi.txt. To accept the change, run {Accept}=1 ./test --filter FullyQualifiedName~PublicApi and commit the file.\n"
            + string.Join('\n', before.Except(now).Select(line => $"- {line}").Concat(now.Except(before).Select(line => $"+ {line}"))));
    }
}
