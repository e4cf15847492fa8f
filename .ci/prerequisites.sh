# Sourced by ./riffle, ./test and .ci/run: checks what a build needs. Prints everything on standard error.

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

say() { printf '%s: %s\n' "${program:-riffle}" "$*" >&2; }

# Puts the dotnet command of the .NET 10 SDK on the PATH, or prints how to get it. The argument is the repository.
need_sdk() {
    if ! command -v dotnet >/dev/null && [ -x "${HOME:-}/.dotnet/dotnet" ]; then
        export DOTNET_ROOT="$HOME/.dotnet" PATH="$HOME/.dotnet:$PATH" # where dotnet-install.sh puts it
    fi
    local output='' status=0
    if command -v dotnet >/dev/null; then
        output=$(cd "$1" && dotnet --version 2>&1) || status=$?
        [ "$status" -ne 0 ] || return 0
    fi
    # 145 and 155: there is no SDK, or not the one in global.json. Another SDK would not help with anything else.
    case ${output:+$status} in
        '' | 145 | 155)
            say "the .NET 10 SDK is needed, but not installed. Get it from https://dotnet.microsoft.com/download/dotnet/10.0 or with"
            say "    curl -sSL https://dot.net/v1/dotnet-install.sh | bash -s -- --channel 10.0" ;;
        *)
            say "the dotnet command failed"
            if [ ! -d "${HOME:-}" ] || [ ! -w "$HOME" ]; then
                say "it needs a folder for its own files, but HOME is '${HOME:-}', which is not writable. Set HOME or DOTNET_CLI_HOME to a writable folder."
            fi ;;
    esac
    if [ -n "$output" ]; then
        say "$(command -v dotnet) reports:"
        printf '%s\n' "$output" >&2
    fi
    return 1
}

# Installs Chromium where there is none and that is possible. Without it, the tests that need it are skipped and say so.
need_browser() {
    [ -z "${RIFFLE_CHROMIUM:-}" ] || return 0
    local name
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        ! command -v "$name" >/dev/null || return 0
    done
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        say "installs Chromium"
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } >/dev/null ||
            say "Chromium can't be installed"
    fi
}
