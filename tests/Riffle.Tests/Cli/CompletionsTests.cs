namespace Riffle.Tests.Cli;

public class CompletionsTests
{
    /// <summary>Bash's own variables are set as it does when Tab is pressed.</summary>
    [UnixTheory]
    [InlineData("riffle pre", "predict prepare")]
    [InlineData("riffle train --mod", "--model")]
    [InlineData("riffle completions z", "zsh")]
    [InlineData("riffle nothing-like-this", "")]
    public void Bash_completes_what_is_typed(string line, string found)
    {
        var words = line.Split(' ');
        var script = $$"""
            riffle() { dotnet "{{Shell.Arguments()[0]}}" "$@"; }
            eval "$(riffle completions bash)"
            COMP_LINE="{{line}}" COMP_POINT={{line.Length}} COMP_WORDS=({{line}}) COMP_CWORD={{words.Length - 1}}
            _riffle
            echo "${COMPREPLY[*]}"
            """;
        var result = Shell.Run("bash", ["-c", script]);
        Assert.Equal((found, ""), (string.Join(' ', result.Output.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)), result.Error));
    }

    [Theory]
    [InlineData("zsh", "compdef")]
    [InlineData("fish", "complete -c riffle")]
    [InlineData("pwsh", "Register-ArgumentCompleter")]
    public void Other_shells_get_a_script_that_asks_the_program(string shell, string registration)
    {
        var script = Shell.Riffle("completions", shell).Output;
        Assert.Contains(registration, script, StringComparison.Ordinal);
        Assert.Contains("[suggest:", script, StringComparison.Ordinal);
    }
}
