using Riffle.Cli;

namespace Riffle.Tests.Cli;

/// <summary>Every option of every command that is a number, or several.</summary>
public class NumbersTests
{
    /// <summary>A command line of each command that lacks nothing, for without that options are not looked at.</summary>
    private static readonly Dictionary<string, string> Whole = new()
    {
        ["demo"] = "",
        ["summary"] = "m",
        ["benchmark"] = "m",
        ["draw"] = "m --out o",
        ["learn"] = "p --out o",
        ["report"] = "r",
        ["prepare"] = "s --out o",
        ["check"] = "s",
        ["train"] = "--data d --model m --out o --soft-labels l",
        ["teach"] = "m --data d --out o",
        ["import"] = "f --model m --out o",
        ["evaluate"] = "m --data d",
        ["predict"] = "m i",
        ["serve"] = "m",
        ["reproduce"] = "--data d --out o --soft-labels l",
    };

    private static readonly Type[] Numeric = [typeof(int), typeof(long), typeof(ulong), typeof(float), typeof(double)];

    public static IEnumerable<object[]> Options =>
        from command in CommandLine.CreateRoot().Subcommands
        from option in command.Options
        let type = Nullable.GetUnderlyingType(option.ValueType) ?? option.ValueType
        where Numeric.Contains(type.IsArray ? type.GetElementType() : type)
        select (object[])[command.Name, option.Name];

    [Fact]
    public void There_are_such_options_in_most_commands()
    {
        Assert.True(Options.Count() > 60, $"{Options.Count()} options");
        Assert.Equal(Whole.Keys.Order(), Options.Select(row => (string)row[0]).Distinct().Order());
        Assert.All(Whole, line => Assert.Empty(CommandLine.CreateRoot().Parse($"{line.Key} {line.Value}").Errors));
    }

    [Theory]
    [MemberData(nameof(Options))]
    public void What_is_no_plain_number_is_refused_by_the_option_s_name(string command, string option)
    {
        foreach (var text in (string[])
            [
                "0,05", "1,000", "1.000,5", "1e400", "-1e400", "1e-400", "NaN", "-NaN", "Infinity", "∞", " 1", "1 ", "1 000",
                "1'000", "1\u00A0000", "١", "１", "1_000", "0x10", "", "1,", ",1", "١,٢",
                "½", "--1", "$1", "(1)", "1%", "one"])
        {
            var errors = Errors(command, option, text);
            Assert.True(
                errors.Any(error => error.StartsWith(option, StringComparison.Ordinal) && (text.Length == 0 || error.Contains(text, StringComparison.Ordinal))),
                $"{command} {option} '{text}': {string.Join(" | ", errors)}");
        }
    }

    [Theory]
    [InlineData("--learning-rate", "0,05", "write 0.05 with a point")]
    [InlineData("--weight-decay", "0,0001", "write 0.0001 with a point")]
    [InlineData("--warm-up", "0,5", "write 0.5 with a point")]
    [InlineData("--warm-up", "-0,5", "write -0.5 with a point")]
    [InlineData("--minimum-rate", "0,001", "write 0.001 with a point,")]
    [InlineData("--learning-rate", "1,000", "write 1.000 with a point, or 1000 without a comma")]
    [InlineData("--learning-rate", "1,5e-3", "write 1.5e-3 with a point,")]
    [InlineData("--learning-rate", "1.000,5", "with a point and without commas")]
    [InlineData("--epochs", "1,000", "write 1000 without a comma")]
    [InlineData("--epochs", "1,000,000", "write 1000000 without a comma")]
    [InlineData("--epochs", "1,5", "write a whole number")]
    [InlineData("--epochs", "1e3", "whole number from 1 to 1000000")]
    [InlineData("--epochs", "3000000000", "from 1 to 1000000")]
    [InlineData("--seed", "-1", "whole number")]
    [InlineData("--seed", "18446744073709551616", "whole number")]
    public void The_message_says_what_to_write(string option, string text, string expected) =>
        Assert.Contains(Errors("train", option, text), error => error.Contains(expected, StringComparison.Ordinal));

    [Theory]
    [InlineData("benchmark", "--batch", "1,024")]
    [InlineData("benchmark", "--batch", "1,0")]
    [InlineData("benchmark", "--batch", "1;16")]
    [InlineData("train", "--units", "2, 4,2")]
    [InlineData("predict", "--mean", "0,485,0,456,0,406")]
    [InlineData("predict", "--mean", "0.5,0.5,1e400")]
    [InlineData("import", "--std", "0,5,0.5")]
    [InlineData("reproduce", "--tables", "2,٣")]
    public void A_list_whose_commas_are_not_between_numbers_is_refused(string command, string option, string text) =>
        Assert.Contains(Errors(command, option, text), error => error.StartsWith(option, StringComparison.Ordinal));

    [Theory]
    [InlineData("0.05", 0.05)]
    [InlineData(".05", 0.05)]
    [InlineData("5e-2", 0.05)]
    [InlineData("+5E-2", 0.05)]
    [InlineData("-0", 0)]
    [InlineData("0e9", 0)]
    [InlineData("3", 3)]
    public void Numbers_as_programs_write_them_are_read(string text, double expected)
    {
        Assert.Equal(expected, Numbers.Parse<double>(text));
        Assert.Equal((float)expected, Numbers.Parse<float>(text));
    }

    private static string[] Errors(string command, string option, string text)
    {
        var others = (Whole[command] + (option == "--sharp-share" ? " --smallest-area 0.5" : "")).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        try
        {
            return [.. CommandLine.Parse(CommandLine.CreateRoot(), [command, .. others, option, text]).Errors.Select(error => error.Message)];
        }
        catch (ArgumentException e)
        {
            return [e.Message]; // An option's own validator asked for its number.
        }
    }
}
