using System.CommandLine;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle completions</c>: scripts with which shells complete command lines. They ask the program itself, by System.CommandLine's suggest
/// directive, which takes the text after the program's name and the position of the cursor in it.</summary>
internal static class CompletionsCommand
{
    private static readonly Dictionary<string, string> Scripts = new()
    {
        ["bash"] = """
            _riffle() {
                local IFS=$'\n' line=${COMP_LINE:0:COMP_POINT}
                line=${line#"${COMP_WORDS[0]}"}
                line=${line# }
                COMPREPLY=($(compgen -W "$(riffle "[suggest:${#line}]" "$line" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
            }
            complete -o default -F _riffle riffle
            """,
        ["zsh"] = """
            _riffle() {
                local line="${(j: :)words[2,CURRENT]}"
                local -a found
                found=(${(f)"$(riffle "[suggest:${#line}]" "$line" 2>/dev/null)"})
                (( $#found )) && compadd -- $found || _files
            }
            compdef _riffle riffle
            """,
        ["fish"] = """
            function __riffle_complete
                set -l line (commandline -cp | string replace -r '^\s*\S+\s?' '')
                riffle "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
            end
            complete -c riffle -a '(__riffle_complete)'
            """,
        ["pwsh"] = """
            Register-ArgumentCompleter -Native -CommandName riffle -ScriptBlock {
                param($word, $command, $position)
                $line = $command.ToString().PadRight($position).Substring(0, $position) -replace '^\s*\S+\s?', ''
                riffle "[suggest:$($line.Length)]" "$line" 2>$null | ForEach-Object {
                    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
                }
            }
            """,
    };

    public static Command Create(string name)
    {
        var shell = new Argument<string>("SHELL") { Description = $"The shell: {string.Join(", ", Scripts.Keys)}." };
        shell.AcceptOnlyFromAmong([.. Scripts.Keys]);
        var command = new Command(name, "Prints a script with which a shell completes riffle's commands and options.") { shell };
        return command.WithExamples("riffle completions bash").WithAction((parse, _) =>
        {
            Console.Out.WriteLine(Scripts[parse.GetRequiredValue(shell)].ReplaceLineEndings("\n"));
            return ExitCode.Done;
        });
    }
}
