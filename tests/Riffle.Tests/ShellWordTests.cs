using Riffle.Tests.Cli;

namespace Riffle.Tests;

public class ShellWordTests
{
    public static TheoryData<string> Words =>
    [
        "plain", "a b", "it's", "'", "''", "\"", "$HOME", "`id`", "$(id)", "a\\b", "\\", "*", "?", "[a]", "{a,b}", "~", "~root", "#a", "a;b", "a|b", "a&b", "<a>",
        "a\nb", "a\tb", "\n",
        "!", "!!", "a=b", "=ls", "größe", "苹果", "", " ", "-", "--", "(a)", "^", "%PATH%", "a'b\"c$d",
    ];

    /// <summary>A word in a command means itself.</summary>
    [UnixTheory]
    [MemberData(nameof(Words))]
    public void A_shell_reads_the_word_that_was_meant(string word)
    {
        foreach (var shell in (string[])["sh", "bash"])
        {
            var result = Shell.Run(shell, ["-c", $"printf '<%s>' {ShellWord.Quote(word)} end"]);
            Assert.Equal((0, $"<{word}><end>", ""), (result.ExitCode, result.Output, result.Error));
        }
    }

    [Theory]
    [InlineData("-x", "./-x")]
    [InlineData("--help", "./--help")]
    [InlineData("-a b", "'./-a b'")]
    [InlineData("runs/first", "runs/first")]
    [InlineData("/a/-b", "/a/-b")]
    public void A_path_is_never_taken_for_an_option(string path, string expected)
    {
        if (!OperatingSystem.IsWindows())
            Assert.Equal(expected, ShellWord.Path(path));
    }

    [Theory]
    [InlineData(@"C:\runs\first", @"C:\runs\first")]
    [InlineData(@"C:\my runs", "\"C:\\my runs\"")]
    [InlineData("it's", "\"it's\"")]
    public void Windows_has_double_quotes(string word, string expected) => Assert.Equal(expected, ShellWord.Quote(word, isWindows: true));
}
